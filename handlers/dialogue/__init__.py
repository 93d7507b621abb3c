"""The shared words of every handler: messages, markup, texts, dates, router, context and forms."""
