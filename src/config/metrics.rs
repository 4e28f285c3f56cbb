//! The section `[metrics]`: where figures can be read, and what counts as slow.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::read::Section;
use super::sections::parse_address;

/// The port that is meant when none is named: that of OpenMetrics exporters that have none of their own.
const METRICS_PORT: u16 = 9_464;

/// What operators see of the running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Where `/metrics` is served, in clear and to everybody who can connect; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Requests that take this long are listed with their cause.
    pub slow: Duration,
}

pub(super) fn read(mut section: Section<'_, '_>) -> MetricsConfig {
    let listen = section.string("listen").and_then(|found| {
        // A port alone is one of this machine.
        let port = found.value.parse::<u16>().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let address = port.or_else(|| parse_address(&found.value, METRICS_PORT));
        if address.is_none() {
            section.mistakes().add(
                found.span,
                format!("`metrics.listen` is {:?}", found.value),
                Some("expected a port of this machine such as \"9464\", or an address such as \"192.0.2.7:9464\"".to_owned()),
            );
        }
        address
    });
    let slow = section.number("slow_ms", 10..=600_000, 200);
    section.finish();
    MetricsConfig { listen, slow: Duration::from_millis(u64::from(slow)) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    fn parse(metrics: &str) -> Result<Config, Vec<super::super::Mistake>> {
        let text = format!("[volumes.a]\npath = '/srv'\n{metrics}");
        Config::parse(&text, Path::new("/"), "h")
    }

    #[test]
    fn nothing_is_served_unless_it_is_asked_for() {
        let metrics = parse("").unwrap().metrics;
        assert_eq!((metrics.listen, metrics.slow.as_millis()), (None, 200));
    }

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        let listen = |text: &str| {
            parse(&format!("[metrics]\nlisten = '{text}'\n")).map(|config| config.metrics.listen)
        };
        assert_eq!(listen("9100"), Ok(Some("127.0.0.1:9100".parse().unwrap())));
        assert_eq!(listen("192.0.2.7"), Ok(Some("192.0.2.7:9464".parse().unwrap())));
        assert_eq!(listen("[::]:9"), Ok(Some("[::]:9".parse().unwrap())));
        assert!(listen("anywhere").unwrap_err()[0].message.contains("metrics.listen"));
        assert_eq!(parse("[metrics]\nslow_ms = 1\n").unwrap_err().len(), 1);
    }
}
