"""What `cvn doctor` looks at: a module a subject, none of which changes anything."""
