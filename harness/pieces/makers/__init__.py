"""How each kind of piece is made: one module per kind, whose imports decide what the digest of a piece covers."""
