"""Who it was: identifiers, reversible merges, resolved facts and surviving profiles."""
