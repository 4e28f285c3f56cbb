"""A server with its HTTPS door open, and curl."""
import json
import pathlib
import subprocess

from rig import harness, server as servers


class ApiServer(servers.Freehold):
    """`api` is where HTTPS is."""

    def __init__(self, **options):
        self.api_port = servers.free_port()
        settings = '[api]\nlisten = ["127.0.0.1:%d"]\n' % self.api_port
        super().__init__(settings=settings + options.pop('settings', ''), **options)
        self.api = 'https://127.0.0.1:%d' % self.api_port
        self.certificate = self.state / 'api-certificate.pem'

    def token(self, name, *scopes, expires=None):
        """The secret of a new token."""
        words = ['token', 'add', name, '-o', 'json'] + [w for s in scopes for w in ('--scope', s)]
        return json.loads(self.output(*words, *(['--expires', expires] if expires else [])))['Secret']

    def output(self, *words):
        """What a command of the CLI printed on standard output."""
        done = subprocess.run([str(self.binary), *words, '--config', str(self.config)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if done.returncode != 0:
            raise harness.Failed('freehold %s: %s' % (' '.join(words), done.stderr.decode()))
        return done.stdout.decode()


class Answer:
    """Status, headers (names in lower case) and body of an answer."""

    def __init__(self, text):
        head, _, self.text = text.rpartition('\r\n\r\n')
        lines = head.rpartition('HTTP/1.1 ')[2].split('\r\n')
        self.status = int(lines[0].split()[0])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(': ')
            self.headers.setdefault(name.lower(), []).append(value)
        self.json = json.loads(self.text) if self.text else None


class Context(harness.Context):
    def own_server(self, start=True, **options):
        """A server for this test alone; ended with the test."""
        s = ApiServer(**options)
        self.own.append(s)
        if start:
            s.start()
        return s

    def curl(self, path, *arguments, token=None, body=None, server=None, ok=True, timeout=60):
        """curl, with the server's certificate as the only one that is trusted. Answers and their interim ones come with headers."""
        s = server or self.server
        words = ['curl', '--silent', '--show-error', '--include', '--cacert', s.certificate, *arguments]
        if token:
            # not as an argument: those of every process are public
            header = self.folder / ('header-%d' % len(list(self.folder.iterdir())))
            header.write_text('Authorization: Bearer %s\n' % token)
            words += ['-H', '@%s' % header]
        if body is not None:
            data = self.folder / ('body-%d' % len(list(self.folder.iterdir())))
            data.write_text(json.dumps(body))
            words += ['-H', 'Content-Type: application/json', '--data-binary', '@%s' % data]
        done = self.run(*words, s.api + path, ok=ok, timeout=timeout)
        return Answer(done.stdout) if ok else done

    def problem(self, answer, status):
        """The answer is a refusal with that status."""
        self.equal(answer.status, status, 'status of %s' % answer.text)
        self.equal(answer.headers.get('content-type'), ['application/problem+json'], 'type')
        self.equal(answer.json['status'], status, 'status in the body')
        return answer.json

    def peer(self, name):
        """A program of the peers' Python environment."""
        path = pathlib.Path(servers.TARGET) / 'peers' / 'venv' / 'bin' / name
        if not path.exists():
            raise harness.Failed('%s is missing: tests/install-peers installs it' % path)
        return path


class ApiSuite(harness.Suite):
    context = Context

    def make_server(self):
        return ApiServer(keep=self.keep)
