"""ObjectNet's classes: what is published of them."""

from __future__ import annotations

from fastinet.datasets.classes import class_table, imagenet1k_wnids
from fastinet.datasets.objectnet_classes import imagenet1k_wnids_of, objectnet_classes
from fastinet.datasets.published import published_classes


def test_the_313_classes() -> None:
    classes = objectnet_classes()
    titles = [each.title for each in classes]
    assert len(classes) == 313
    assert titles == sorted(titles)
    assert len({each.folder for each in classes}) == 313
    assert (titles[0], titles[9], titles[312]) == ("Air freshener", "Bath towel", "Ziploc bag")
    assert classes[9].folder == "full_sized_towel"
    assert published_classes("ObjectNet") == tuple(titles)


def test_113_of_them_are_classes_of_imagenet_1k() -> None:
    overlapping = [each for each in objectnet_classes() if each.wnids]
    wnids = [wnid for each in overlapping for wnid in each.wnids]
    assert len(overlapping) == 113
    assert len(wnids) == len(set(wnids)) == 125
    assert set(wnids) <= set(imagenet1k_wnids())


def test_known_counterparts() -> None:
    def names(title: str) -> list[str]:
        return [info.names[0] for info in class_table(imagenet1k_wnids_of(title) or ())]

    assert names("Chair") == ["barber chair", "folding chair", "rocking chair"]
    assert names("Alarm clock") == ["analog clock", "digital clock"]
    assert names("Banana") == ["banana"]
    assert names("Still Camera") == ["Polaroid camera", "reflex camera"]
    assert imagenet1k_wnids_of("Air freshener") == ()
    assert imagenet1k_wnids_of("n01440764") is None
