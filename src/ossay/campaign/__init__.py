"""A campaign: from a plan to rows in the ledger, resumable at any point."""
