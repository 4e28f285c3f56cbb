//! The `freehold` program. All of it is in the library: see [`freehold::cli`].

fn main() -> std::process::ExitCode {
    freehold::cli::run()
}
