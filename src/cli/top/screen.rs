//! The live view: three lines of figures, then tables, on a terminal of any size from 40 columns and 10 lines on.

use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Row, Table};

use super::Show;
use super::report::{Report, Sort, short};
use crate::metrics::snapshot::{SlowRow, Snapshot};

/// Intervals that + and - go through, in milliseconds.
const INTERVALS_MS: [u64; 7] = [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/// What is shown and how.
pub(super) struct View {
    pub show: Show,
    pub sort: Sort,
    pub interval: Duration,
    pub paused: bool,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The view is another one.
    Redraw,
    /// It ends.
    Quit,
    /// Nothing.
    Nothing,
}

/// Runs until the user quits.
///
/// # Errors
/// When the server cannot be asked any more, or the terminal fails.
pub(super) fn run(
    look: &mut dyn FnMut() -> anyhow::Result<Snapshot>,
    show: Show,
    sort: Sort,
    interval: Duration,
) -> anyhow::Result<()> {
    // Whatever is wrong with the server is told before the screen is taken.
    let before = look()?;
    let mut terminal = ratatui::try_init()?;
    let outcome = live(&mut terminal, look, before, View { show, sort, interval, paused: false });
    ratatui::try_restore()?;
    outcome
}

fn live(
    terminal: &mut ratatui::DefaultTerminal,
    look: &mut dyn FnMut() -> anyhow::Result<Snapshot>,
    mut before: Snapshot,
    mut view: View,
) -> anyhow::Result<()> {
    let mut report = Report::between(&before, &before, view.sort);
    let mut next = Instant::now() + view.interval.min(Duration::from_millis(500));
    loop {
        terminal.draw(|frame| draw(frame, &report, &view))?;
        let patience =
            if view.paused { Duration::from_secs(1) } else { next.saturating_duration_since(Instant::now()) };
        if event::poll(patience)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match view.press(key) {
                    Act::Quit => return Ok(()),
                    Act::Redraw => report.sort(view.sort),
                    Act::Nothing => {}
                },
                // Drawn anew in any case.
                _ => {}
            }
        }
        if view.paused || Instant::now() < next {
            continue;
        }
        let after = look()?;
        report = Report::between(&before, &after, view.sort);
        before = after;
        next = Instant::now() + view.interval;
    }
}

impl View {
    /// Takes in a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Act {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Act::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Act::Quit,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('a') => self.show = Show::All,
            KeyCode::Char('c') => self.show = Show::Clients,
            KeyCode::Char('h') => self.show = Show::Shares,
            KeyCode::Char('l') => self.show = Show::Commands,
            KeyCode::Char('w') => self.show = Show::Slow,
            KeyCode::Char(' ' | 'p') => self.paused = !self.paused,
            KeyCode::Char('+') => self.change_interval(|now, other| other > now, false),
            KeyCode::Char('-') => self.change_interval(|now, other| other < now, true),
            _ => return Act::Nothing,
        }
        Act::Redraw
    }

    fn change_interval(&mut self, wanted: fn(Duration, Duration) -> bool, from_the_end: bool) {
        let mut intervals: Vec<Duration> = INTERVALS_MS.map(Duration::from_millis).to_vec();
        if from_the_end {
            intervals.reverse();
        }
        self.interval =
            intervals.into_iter().find(|other| wanted(self.interval, *other)).unwrap_or(self.interval);
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, report: &Report, view: &View) {
    let area = frame.area();
    let [head, tables, foot] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let [first, second, third] = report.headline();
    let bold = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(
        Paragraph::new(vec![Line::styled(first, bold), Line::from(second), Line::from(third)]),
        head,
    );
    let keys = format!(
        "q quit s sort: {} a all c clients h shares l latency w slow p {} +/- {}s",
        view.sort.name(),
        if view.paused { "go" } else { "stop" },
        view.interval.as_secs_f64()
    );
    frame.render_widget(Paragraph::new(Line::styled(keys, Style::new().add_modifier(Modifier::DIM))), foot);
    match view.show {
        Show::All => all(frame, report, tables),
        Show::Clients => frame.render_widget(clients(report), tables),
        Show::Shares => frame.render_widget(shares(report), tables),
        Show::Commands => frame.render_widget(commands(report), tables),
        Show::Slow => frame.render_widget(slow(report), tables),
    }
}

/// Every table with as many lines as there is room for; what is left goes to the slow requests, which have a quarter in any case.
fn all(frame: &mut Frame<'_>, report: &Report, area: Rect) {
    let lines =
        |rows: usize, most: u16| Constraint::Length(u16::try_from(rows).unwrap_or(most).min(most) + 1);
    let (few, some) = (area.height / 6, area.height / 4);
    let [first, second, third, fourth] = Layout::vertical([
        lines(report.shares.len(), few),
        lines(report.commands.len(), some),
        lines(report.clients.len(), few),
        Constraint::Min(some),
    ])
    .areas(area);
    frame.render_widget(shares(report), first);
    frame.render_widget(commands(report), second);
    frame.render_widget(clients(report), third);
    frame.render_widget(slow(report), fourth);
}

fn table<'a, const COLUMNS: usize>(
    names: [&'a str; COLUMNS],
    widths: [Constraint; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> Table<'a> {
    let head = Row::new(names).style(Style::new().add_modifier(Modifier::REVERSED));
    Table::new(rows.map(Row::new), widths).header(head).column_spacing(1)
}

/// Columns of numbers are right-aligned.
fn right(value: f64) -> String {
    format!("{:>8}", short(value))
}

const NUMBER: Constraint = Constraint::Length(8);

fn shares(report: &Report) -> Table<'_> {
    let rows = report.shares.iter().map(|row| {
        [
            row.share.clone(),
            right(row.tree_connects as f64),
            right(row.requests_per_second),
            right(row.errors_per_second),
            right(row.read_bytes_per_second),
            right(row.write_bytes_per_second),
        ]
    });
    let names = ["SHARE", "   users", "requests", "  errors", "  read B", " write B"];
    table(names, [Constraint::Min(16), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER], rows)
}

fn commands(report: &Report) -> Table<'_> {
    let time = |milliseconds: f64| format!("{milliseconds:>8.3}");
    let rows = report.commands.iter().map(|row| {
        [
            row.command.clone(),
            right(row.requests_per_second),
            right(row.errors_per_second),
            time(row.p50_ms),
            time(row.p95_ms),
            time(row.p99_ms),
        ]
    });
    let names = ["COMMAND", "requests", "  errors", "  p50 ms", "  p95 ms", "  p99 ms"];
    table(names, [Constraint::Min(16), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER], rows)
}

fn clients(report: &Report) -> Table<'_> {
    let rows = report.clients.iter().map(|row| {
        [
            row.client.clone(),
            row.user.clone(),
            right(row.connections as f64),
            right(row.requests_per_second),
            right(row.read_bytes_per_second),
            right(row.write_bytes_per_second),
        ]
    });
    let names = ["CLIENT", "USER", "connects", "requests", "  read B", " write B"];
    table(names, [Constraint::Min(15), Constraint::Min(12), NUMBER, NUMBER, NUMBER, NUMBER], rows)
}

fn slow(report: &Report) -> Table<'_> {
    let rows = report.slow.iter().map(|row| {
        let mark = if row.status == "Waiting" { "*" } else { " " };
        let time = row.time.get(11..19).unwrap_or_default();
        [
            time.to_owned(),
            format!("{:>7}{mark}", short(row.duration_ms)),
            row.command.clone(),
            waited_for(row),
            if row.path.is_empty() { row.client.clone() } else { row.path.clone() },
        ]
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Fill(2),
        Constraint::Fill(1),
    ];
    table(["SLOW", "     ms", "COMMAND", "WAITED FOR (* waits now)", "FILE"], widths, rows)
}

/// What a request waited for, in little room: of who is waited for, the name without its domain.
fn waited_for(row: &SlowRow) -> String {
    let holders: Vec<String> = row
        .holders
        .iter()
        .map(|holder| match holder.user.rsplit('\\').next() {
            Some(user) if !user.is_empty() => format!("{user}@{}", holder.client),
            _ => holder.client.clone(),
        })
        .collect();
    if holders.is_empty() { row.waited_for.clone() } else { format!("lease break: {}", holders.join(", ")) }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::report::tests::looks;
    use super::*;

    fn view() -> View {
        View { show: Show::All, sort: Sort::Requests, interval: Duration::from_secs(1), paused: false }
    }

    fn drawn(width: u16, height: u16, view: &View) -> String {
        let (before, after) = looks();
        let report = Report::between(&before, &after, view.sort);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &report, view)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let lines: Vec<String> = (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect();
        lines.join("\n")
    }

    #[test]
    fn all_tables_fit_a_small_terminal() {
        let text = drawn(80, 24, &view());
        for part in ["FILES", "501 requests/s", "SHARE", "COMMAND", "READ", "CORP\\anna", "q quit"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.contains("lease break: bert@192.0.2.9"), "{text}");
        assert!(text.contains("22:00:00"), "{text}");
        assert!(text.lines().last().is_some_and(|line| line.ends_with("+/- 1s")), "{text}");
    }

    #[test]
    fn no_size_is_too_small_or_too_big() {
        for (width, height) in [(1, 1), (10, 3), (40, 10), (300, 100)] {
            for show in [Show::All, Show::Clients, Show::Shares, Show::Commands, Show::Slow] {
                let _ = drawn(width, height, &View { show, ..view() });
            }
        }
    }

    #[test]
    fn keys_change_the_view() {
        let mut view = view();
        let press = |view: &mut View, c| view.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!(press(&mut view, 's'), Act::Redraw);
        assert_eq!(view.sort, Sort::Bytes);
        assert_eq!(press(&mut view, 'w'), Act::Redraw);
        assert_eq!(view.show, Show::Slow);
        let _ = press(&mut view, '+');
        assert_eq!(view.interval, Duration::from_secs(2));
        let _ = press(&mut view, '-');
        let _ = press(&mut view, '-');
        assert_eq!(view.interval, Duration::from_millis(500));
        assert_eq!(press(&mut view, 'x'), Act::Nothing);
        assert_eq!(press(&mut view, ' '), Act::Redraw);
        assert!(view.paused);
        assert_eq!(press(&mut view, 'q'), Act::Quit);
        assert_eq!(view.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Act::Quit);
    }
}
