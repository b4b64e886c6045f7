"""`python -m fastinet` is `fastinet`."""

from fastinet.cli import main

main()
