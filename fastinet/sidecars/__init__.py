"""Sidecars, the files kept beside archives: their formats, where they lie, and who makes them.

=============  ====================================================================================
`column_file`  files of named arrays under a JSON header, replaced as a whole: the index, boxes
`log`          files that a long pass appends chunks to: the seek index, checkpoints
`schema`       what the JSON headers of both must hold
`identity`     what binds a sidecar to the bytes of its archive
`owners`       whose sidecars are believed
`places`       where a sidecar may lie
`turns`        how one of many processes makes a sidecar while the others wait
=============  ====================================================================================
"""
