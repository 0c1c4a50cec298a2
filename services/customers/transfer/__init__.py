"""Transfer: the import of files from other systems, and the export of customers to files."""
