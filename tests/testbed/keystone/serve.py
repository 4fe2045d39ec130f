"""Prepares a folder for Keystone where needed, and serves it: serve.py PORT FOLDER ENDPOINT"""

import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

CONFIGURATION = """
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/tokens
[fernet_receipts]
key_repository = {folder}/receipts
[credential]
key_repository = {folder}/credentials
[cache]
enabled = false
[identity]
password_hash_rounds = 4
"""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def prepare(folder, configuration, endpoint):
    for name in ("tokens", "receipts", "credentials"):
        (folder / name).mkdir(mode=0o700)
    configuration.write_text(CONFIGURATION.format(folder=folder))
    from keystone.cmd import manage

    owner = [f"--keystone-user={os.getuid()}", f"--keystone-group={os.getgid()}"]
    for command in (
        ["db_sync"],
        ["fernet_setup", *owner],
        ["credential_setup", *owner],
        ["bootstrap", "--bootstrap-password=admin", f"--bootstrap-public-url={endpoint}"],
    ):
        # Keystone reads its configuration once in the life of a process. Importing it takes longer than all commands
        # together, so each of them gets a copy of this process instead of a new one.
        child = os.fork()
        if child == 0:
            sys.argv = ["keystone-manage", f"--config-file={configuration}", *command]
            manage.main()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"keystone-manage {command[0]} failed")


def main():
    port, folder, endpoint = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    # Keystone reads the command line when it is imported.
    sys.argv = sys.argv[:1]
    # Listen first: a port that is taken shows at once, and the first request waits instead of failing.
    server = Server(("127.0.0.1", port), WSGIRequestHandler)
    configuration = folder / "keystone.conf"
    if not configuration.exists():
        prepare(folder, configuration, endpoint)
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(configuration)
    from keystone.wsgi.api import application

    server.set_app(application)
    server.serve_forever()


main()
