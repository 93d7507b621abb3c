"""One file per channel: each translates its platform's payloads and never decides."""
