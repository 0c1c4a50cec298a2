"""`python -m chassis`: the command line where the package is not installed, as in the container images."""

from chassis.cli.main import main

main()
