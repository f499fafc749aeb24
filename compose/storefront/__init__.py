"""The storefront: a small shop of several regions, the bundled system under test.

Each service is a module of its own, run as `python -m storefront.<service>` and configured by its environment
alone (see `settings`). The package never imports the runner, nor the runner it: between them are HTTP,
signals and files.
"""
