//! The text format that Prometheus reads, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::Histogram;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How long things took.
    Histogram,
}

/// Metrics, written one family after another.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

/// Labels: names and values.
type Labels<'l> = &'l [(&'l str, &'l str)];

/// A metric whose values are being written.
pub(crate) struct Family<'p> {
    page: &'p mut Exposition,
    name: &'p str,
}

impl Exposition {
    /// The text's media type.
    pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// A metric with a value for each set of labels. The help is a sentence, without a line's end or a backslash.
    pub(crate) fn family<'p>(&'p mut self, name: &'p str, kind: Kind, help: &str) -> Family<'p> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: self, name }
    }

    /// A metric with one value.
    pub(crate) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn sample(&mut self, (name, suffix): (&str, &str), labels: Labels<'_>, value: impl Display) {
        let _ = write!(self.0, "{name}{suffix}");
        for (at, (label, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

impl Family<'_> {
    /// The value for these labels.
    pub(crate) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.page.sample((self.name, ""), labels, value);
    }

    /// The histogram, in seconds, for these labels.
    pub(crate) fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        let mut count = 0;
        for (bound, cumulated) in histogram.cumulated() {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.page.sample((self.name, "_bucket"), &labels, cumulated);
            count = cumulated;
        }
        self.page.sample((self.name, "_sum"), labels, histogram.sum());
        self.page.sample((self.name, "_count"), labels, count);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn metrics_are_written_as_prometheus_reads_them() {
        let histogram = Histogram::default();
        for milliseconds in [1, 1, 3, 9000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let mut page = Exposition::default();
        page.single("up", Kind::Gauge, "Whether it is.", 1);
        let mut seen = page.family("seen_total", Kind::Counter, "What was seen.");
        seen.sample(&[("kind", "a \"b\"\n\\")], 2);
        seen.sample(&[("kind", "c")], 3);
        page.family("took_seconds", Kind::Histogram, "How long.").histogram(&[("of", "x")], &histogram);
        let text = page.into_text();
        let (singles, buckets) = text.split_once("took_seconds_bucket").unwrap();
        assert_eq!(
            singles,
            "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n\
             # HELP seen_total What was seen.\n# TYPE seen_total counter\n\
             seen_total{kind=\"a \\\"b\\\"\\n\\\\\"} 2\nseen_total{kind=\"c\"} 3\n\
             # HELP took_seconds How long.\n# TYPE took_seconds histogram\n"
        );
        for line in [
            "took_seconds_bucket{of=\"x\",le=\"0.0005\"} 0\n",
            "took_seconds_bucket{of=\"x\",le=\"0.001\"} 2\n",
            "took_seconds_bucket{of=\"x\",le=\"0.005\"} 3\n",
            "took_seconds_bucket{of=\"x\",le=\"2.5\"} 3\n",
            "took_seconds_bucket{of=\"x\",le=\"+Inf\"} 4\n",
            "took_seconds_sum{of=\"x\"} 9.005\n",
            "took_seconds_count{of=\"x\"} 4\n",
        ] {
            assert!(format!("took_seconds_bucket{buckets}").contains(line), "{line} in {buckets}");
        }
    }
}
