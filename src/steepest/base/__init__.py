"""Small tools that know nothing of optimizers: errors, texts in two languages, specs, loading of files."""
