"""How fast the parts of Multibox are on this machine, and where their time goes."""
