"""Reads OpenMetrics text from a URL with Prometheus' own parser, which refuses what the specification forbids, and prints the
samples as JSON: [[name, labels, value], ...]. Fails on a family without help or with a name or label that Prometheus warns of."""
import json
import re
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
    kind = answer.headers['Content-Type']
    text = answer.read().decode()
if not kind.startswith('application/openmetrics-text; version=1.0.0'):
    sys.exit('content type %r' % kind)
samples = []
for family in text_string_to_metric_families(text):
    if not family.documentation:
        sys.exit('%s has no help' % family.name)
    if not re.fullmatch(r'(freehold|process)_[a-z0-9_]+', family.name):
        sys.exit('%s is no good name' % family.name)
    if family.type == 'unknown':
        sys.exit('%s has no type' % family.name)
    for sample in family.samples:
        if not all(re.fullmatch(r'[a-z]+', label) for label in sample.labels):
            sys.exit('%s has odd labels %s' % (sample.name, sample.labels))
        samples.append([sample.name, sample.labels, sample.value])
json.dump(samples, sys.stdout)
