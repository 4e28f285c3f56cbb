"""The suite's server has the HTTPS interface on, and a token that may do everything."""
import json
import re

from rig import harness
from rig import server as servers

import module as modules


def api_settings(port):
    return '[api]\nlisten = ["127.0.0.1:%d"]\n' % port


def new_token(server):
    """A token of the server that may do everything."""
    text = (modules.ROOT / 'docs' / 'openapi.json').read_text()
    scopes = sorted(set(re.findall(r'"([a-z]+:(?:read|write))"', text)))
    made = server.run('token', 'add', 'module', *('--scope=' + scope for scope in scopes), '-o', 'json')
    return json.loads(made.stdout)['Secret']


class Context(harness.Context):
    """What a test is given besides: the module, and the two ways to the server."""

    def __init__(self, name, suite):
        super().__init__(name, suite)
        self.module = suite.module
        self.https = modules.Https(*suite.api, suite.token)
        self.program = modules.Program(self.server.binary, self.server.folder / 'admin.sock')

    def own_api_server(self):
        """A server for this test alone, with the HTTPS interface on."""
        port = servers.free_port()
        s = self.own_server(settings=api_settings(port))
        s.api = ('127.0.0.1', port)
        return s

    @staticmethod
    def https_of(server):
        return modules.Https(*server.api, new_token(server))

    @staticmethod
    def program_of(server):
        return modules.Program(server.binary, server.folder / 'admin.sock')

    def refused(self, words, function, *arguments, **options):
        """`function` is refused, with a reason that has these words."""
        try:
            function(*arguments, **options)
        except modules.Refused as error:
            self.contains(str(error), *words)
            return error
        raise harness.Failed('it was not refused')


class Suite(harness.Suite):
    context = Context

    def make_server(self):
        self.api = ('127.0.0.1', servers.free_port())
        return servers.make(self.kind, settings=api_settings(self.api[1]))

    def begin(self):
        super().begin()
        self.module = modules.Module()
        self.token = new_token(self.server)
