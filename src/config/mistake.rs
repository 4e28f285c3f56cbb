//! What is wrong with a configuration file, shown with the place it is at.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What was found, for which setting.
    pub message: String,
    /// What is allowed, or what to do.
    pub help: Option<String>,
    /// Bytes of the text that are wrong.
    pub span: Range<usize>,
}

impl Mistake {
    /// Line and column of its start in `text`, both from 1, the column in characters.
    #[must_use]
    pub fn line_and_column(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// A configuration file cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// It cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its content is wrong.
    Mistakes {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// Every mistake in it, in the order of the text; at least one.
        mistakes: Vec<Mistake>,
    },
}

impl ConfigError {
    /// All mistakes as text with the lines they are in; `colour` for a terminal.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match self {
            ConfigError::Unreadable { path, error } => {
                format!("error: cannot read {}: {error}", path.display())
            }
            ConfigError::Mistakes { path, text, mistakes } => {
                let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
                let path = path.display().to_string();
                let blocks: Vec<String> = mistakes
                    .iter()
                    .map(|mistake| {
                        let end = mistake.span.end.min(text.len());
                        let start = mistake.span.start.min(end);
                        let snippet = Snippet::source(text.as_str())
                            .path(path.as_str())
                            .annotation(AnnotationKind::Primary.span(start..end));
                        let mut group = Level::ERROR.primary_title(mistake.message.as_str()).element(snippet);
                        if let Some(help) = &mistake.help {
                            group = group.element(Level::HELP.message(help.as_str()));
                        }
                        renderer.render(&[group])
                    })
                    .collect();
                let count = mistakes.len();
                let noun = if count == 1 { "mistake" } else { "mistakes" };
                format!("{}\n\n{count} {noun} in {path}", blocks.join("\n\n"))
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}
