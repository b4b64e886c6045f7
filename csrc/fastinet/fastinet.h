// fastinet for C++ programs: one header for what docs/cpp.md describes.
//
//   #include <fastinet/fastinet.h>
//
// Datasets (fastinet/dataset.h), epochs of them (fastinet/loader.h), single images
// (fastinet/image.h), and failures (base/status.h). These headers keep what they offer; what they
// include of the core's folders may change with any version. For C: fastinet/c_api.h.
#pragma once

#include "base/status.h"
#include "fastinet/dataset.h"
#include "fastinet/image.h"
#include "fastinet/loader.h"
