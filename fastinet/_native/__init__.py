"""The compiled modules and their stubs: Cython for functions over arrays, pybind11 for objects."""
