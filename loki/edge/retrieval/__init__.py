"""A store on disk, a folder with a table of Lance: opened, added to and searched."""
