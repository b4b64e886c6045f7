// Names of members: their usual form, what other programs leave among files, and a hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fastinet {

/// The path that `name` is below the folder that it is extracted to: without empty and "." parts,
/// so that "./a//b", "/a/b" and "a/b" are one name. A slash at the end stays. ".." is left as it
/// is.
std::string NormalName(std::string_view name);

/// Where the first part of `path` ends that is hidden or a leftover of another program; 0: none is.
/// Everything in such a folder is left over with it.
///
/// Hidden is what begins with a dot: AppleDouble files, .DS_Store, .Trash-1000, .ipynb_checkpoints,
/// .thumbnails, rsync's ".x.JPEG.AbC123". Leftovers are the folders that systems and NAS boxes keep
/// for themselves (lost+found, $RECYCLE.BIN, System Volume Information, @eaDir, #recycle, __MACOSX
/// and others), databases of thumbnails (Thumbs.db), desktop.ini, and files that backups, editors
/// and downloads leave (x.JPEG~, x.JPEG.part). docs/items.md has the whole list, and why.
size_t JunkEnd(std::string_view path);

/// A number that names share by chance once in 2^64 times.
uint64_t HashOfName(std::string_view name);

}  // namespace fastinet
