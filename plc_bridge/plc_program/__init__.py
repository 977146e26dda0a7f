"""The reference PLC program, and its forms for particular PLCs."""
