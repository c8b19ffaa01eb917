"""A run of the parity command as files: a page for people, JUnit XML for CI, JSON for machines."""

from repro.reports.html import Section as Section
from repro.reports.html import write_tables as write_tables
from repro.reports.junit import write_junit as write_junit
from repro.reports.outcome import Named as Named
from repro.reports.outcome import Outcome as Outcome
from repro.reports.page import write_html as write_html
from repro.reports.page import write_page as write_page
