"""Annotations as other tools wrote them: recognised by what the files hold, read, and paired with their images."""
