"""Tools that do not depend on optimizers: errors, texts in two languages, number formats, specs, files, plugins."""
