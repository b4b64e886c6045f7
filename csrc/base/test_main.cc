// The main function of every C++ test program: doctest's.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
// Sanitizers report signals better, and ctest reports those that nobody catches.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>
