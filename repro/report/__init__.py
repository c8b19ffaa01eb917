"""A run of the parity command as files: a page for people, JUnit XML for CI."""

from repro.report.junit import write_junit as write_junit
from repro.report.page import write_html as write_html
