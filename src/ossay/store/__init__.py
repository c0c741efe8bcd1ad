"""What must survive: the ledger of campaigns, runs, calls and transcripts. Start with `ledger`."""
