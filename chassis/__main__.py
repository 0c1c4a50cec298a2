"""`python -m chassis`: the command line where nothing is installed but the folder, as in the container images."""

from chassis.command import main

main()
