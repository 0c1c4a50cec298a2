"""The command line, the server, and the files generated from the code."""
