"""The page that tries a detector and explains it: plain files, for the server and for sites without one."""
