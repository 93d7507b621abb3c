"""Matrix, end-to-end encrypted; nothing else imports nio, vodozemac or Crypto.

Importing this package alone imports none of them: they cost 25 MB, spent only where Matrix is configured.
"""

CHANNEL = "matrix"
