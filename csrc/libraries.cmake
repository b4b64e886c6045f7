# The libraries that the core links: where they are, whether they serve, what package managers call
# them. Included by the build and by the installed package; tools/bootstrap.py installs what the
# line of the error names.

find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)

# Makes the target fastinet::NAME, and FASTINET_NAME_VERSION; or notes that NAME is missing.
# A library serves when a program that includes HEADER (and the header's version meets REQUIREMENT,
# a preprocessor condition) and runs USE can be linked with it.
function(fastinet_find_library NAME)
  cmake_parse_arguments(PARSE_ARGV 1 lib "" "TITLE;PKG_CONFIG;LINK;HEADER;VERSION;REQUIREMENT;USE;APT;DNF;BREW" "")
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(hints QUIET ${lib_PKG_CONFIG})
  endif()
  # Homebrew keeps some formulas out of its prefix ("keg-only"): they are under opt/<formula>.
  set(kegs /opt/homebrew/opt/${lib_BREW} /usr/local/opt/${lib_BREW} /home/linuxbrew/.linuxbrew/opt/${lib_BREW})
  find_path(FASTINET_${NAME}_INCLUDE_DIR ${lib_HEADER} HINTS ${hints_INCLUDE_DIRS} PATHS ${kegs} PATH_SUFFIXES include)
  if(lib_LINK)
    find_library(FASTINET_${NAME}_LIBRARY ${lib_LINK} HINTS ${hints_LIBRARY_DIRS} PATHS ${kegs} PATH_SUFFIXES lib)
  endif()
  mark_as_advanced(FASTINET_${NAME}_INCLUDE_DIR FASTINET_${NAME}_LIBRARY)
  set(include ${FASTINET_${NAME}_INCLUDE_DIR})
  set(library ${FASTINET_${NAME}_LIBRARY})
  if(NOT lib_LINK)
    set(library "")  # headers alone
    if(NOT include)
      set(include "")  # CMake refuses to try with a folder that was not found
    endif()
  elseif(NOT include OR NOT library OR include IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    # The compiler's own paths, before which come those of CPPFLAGS and LDFLAGS.
    set(include "")
    set(library ${lib_LINK})
  endif()

  set(probe ${CMAKE_CURRENT_BINARY_DIR}/probes/${NAME})
  file(CONFIGURE OUTPUT ${probe}.cc @ONLY CONTENT [[
#define DOCTEST_CONFIG_DISABLE  // doctest alone: nothing to link
#include <cstddef>
#include <cstdio>
#include <@lib_HEADER@>
#if !(@lib_REQUIREMENT@)
#error too old, or another library of this name
#endif
#define SPELLED(text) #text
#define TEXT(macro) SPELLED(macro)
extern const char version[] = "fastinet-version:" @lib_VERSION@ "|";
int main(int count, char**) {
  if (count > 1) { @lib_USE@; }
  return version[count];
}
]])
  try_compile(FASTINET_${NAME}_SERVES ${probe} SOURCES ${probe}.cc LINK_LIBRARIES ${library}
              CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${include} COPY_FILE ${probe}.bin)
  if(NOT FASTINET_${NAME}_SERVES)
    set(title "${lib_TITLE}")
    if(FASTINET_${NAME}_INCLUDE_DIR)
      string(APPEND title " (that in ${FASTINET_${NAME}_INCLUDE_DIR} does not serve)")
    endif()
    fastinet_is_missing("${title}" "${lib_APT}" "${lib_DNF}" "${lib_BREW}")
    # The next run looks again.
    unset(FASTINET_${NAME}_SERVES CACHE)
    unset(FASTINET_${NAME}_INCLUDE_DIR CACHE)
    unset(FASTINET_${NAME}_LIBRARY CACHE)
    return()
  endif()
  file(STRINGS ${probe}.bin version REGEX "fastinet-version:")
  string(REGEX REPLACE ".*fastinet-version:([^|]*)[|].*" "\\1" version "${version}")
  set(FASTINET_${NAME}_VERSION "${version}" PARENT_SCOPE)
  if(NOT TARGET fastinet::${NAME})
    add_library(fastinet::${NAME} INTERFACE IMPORTED GLOBAL)
    set_target_properties(fastinet::${NAME} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${include}" INTERFACE_LINK_LIBRARIES "${library}")
  endif()
endfunction()

# Notes that something is missing, and what the package managers call it.
function(fastinet_is_missing TITLE APT DNF BREW)
  set_property(GLOBAL APPEND PROPERTY FASTINET_TITLE "${TITLE}")
  foreach(manager APT DNF BREW)
    set_property(GLOBAL APPEND_STRING PROPERTY FASTINET_${manager} " ${${manager}}")
  endforeach()
endfunction()

# Ends the configuration with one line when anything is missing.
function(fastinet_require_libraries)
  foreach(field TITLE APT DNF BREW)
    get_property(${field} GLOBAL PROPERTY FASTINET_${field})
  endforeach()
  if(TITLE)
    string(REPLACE ";" ", " TITLE "${TITLE}")
    # CMake would break the line if it did not start with a space.
    message(FATAL_ERROR " fastinet needs ${TITLE}: apt install${APT} / dnf install${DNF} / brew install${BREW}")
  endif()
endfunction()

fastinet_find_library(jpeg TITLE libjpeg-turbo PKG_CONFIG libjpeg LINK jpeg HEADER jpeglib.h VERSION "TEXT(LIBJPEG_TURBO_VERSION)"
  # jpeg_crop_scanline came with 1.5, and is right for every file since 2.0.
  REQUIREMENT "LIBJPEG_TURBO_VERSION_NUMBER >= 2000000"
  USE "jpeg_crop_scanline(nullptr, nullptr, nullptr), jpeg_skip_scanlines(nullptr, 0)"
  # apt's is a dummy package: libjpeg62-turbo-dev in Debian, libjpeg-turbo8-dev in Ubuntu.
  APT libjpeg-dev DNF libjpeg-turbo-devel BREW jpeg-turbo)
fastinet_find_library(hwy TITLE Highway PKG_CONFIG libhwy LINK hwy HEADER hwy/highway.h
  VERSION "TEXT(HWY_MAJOR) \".\" TEXT(HWY_MINOR) \".\" TEXT(HWY_PATCH)"
  REQUIREMENT "HWY_MAJOR >= 1" USE "(void)hwy::SupportedTargets()"
  APT libhwy-dev DNF highway-devel BREW highway)
fastinet_find_library(png TITLE libpng PKG_CONFIG libpng LINK png HEADER png.h VERSION PNG_LIBPNG_VER_STRING
  REQUIREMENT "PNG_LIBPNG_VER >= 10600" USE "(void)png_access_version_number()"
  APT libpng-dev DNF libpng-devel BREW libpng)
# Or zlib-ng in its compatible form, which is faster; it is what newer Fedoras mean by zlib-devel.
fastinet_find_library(zlib TITLE zlib PKG_CONFIG zlib LINK z HEADER zlib.h VERSION ZLIB_VERSION
  REQUIREMENT "ZLIB_VERNUM >= 0x1290" USE "(void)crc32_z(0, nullptr, 0)" # crc32_z is of 1.2.9
  APT zlib1g-dev DNF zlib-devel BREW zlib)
