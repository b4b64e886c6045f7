"""Data that tests, benchmarks and the demo make for themselves; for your own tests, too.

A whole archive in a line or two::

    from fastinet.testing.train_archive import write_train_archive
    from fastinet.testing.ilsvrc import miniature_challenge, write_archive

    write_train_archive("ILSVRC2012_img_train.tar", images=400, classes=40)  # photographs, painted
    challenge = miniature_challenge()  # small images, and what is odd in the real archives
    write_archive("ILSVRC2012_img_val.tar", challenge.official_val())
    write_archive("imagenette2", challenge.class_tree(), form="folder")

Modules by what they write:

- `train_archive`: train archives of synthetic photographs (`photographs`, `textures`, `encodings`).
- `ilsvrc`: train, val and test of the challenge in every packaging; `devkit`: its development kits.
- `whole_archives`: ImageNet-21K, ImageNet-21K-P and ImageNet-V2; `webdataset`: shards.
- `robustness`: ImageNet-A, -C, -R, -Sketch and ObjectNet.
- `bounding_boxes`, `label_maps` (ReLabel), `semantic_tree` (of ImageNet-21K-P): annotations.
- `archives`: tars of given bytes, sound and broken; `gzips`: what gzip makes of them.
- `jpegs`, `pngs`, `small`: images of every kind; `torch_files`: ``.pt`` files without PyTorch.
"""
