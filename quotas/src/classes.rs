//! Classes of files for reports: by type, which is what the end of the name says, and by age, which is how long ago the file was
//! written to.
//!
//! Types are the default file groups of Windows' File Server Resource Manager; an extension that it has in two groups is in the first one
//! here, so that every file is in exactly one. Ages are whole days (UTC).

use freehold_dtyp::Wtf8;
use serde::{Deserialize, Serialize};

use crate::Usage;

/// What kind of file a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FileType {
    /// Sound and films.
    AudioVideo,
    /// Copies that programs keep.
    Backup,
    /// Archives.
    Compressed,
    /// Messages and mailboxes.
    Email,
    /// Programs and scripts.
    Executable,
    /// Pictures.
    Image,
    /// Documents of office programs.
    Office,
    /// Parts of the operating system.
    System,
    /// What is to be thrown away.
    Temporary,
    /// Plain text.
    Text,
    /// Pages and what makes them.
    WebPage,
    /// Everything else.
    Other,
}

/// Longest extension of any type.
const LONGEST_EXTENSION: usize = 7;

impl FileType {
    /// Every type, in the order of [`FileType::index`].
    pub const ALL: [FileType; 12] = [
        FileType::AudioVideo,
        FileType::Backup,
        FileType::Compressed,
        FileType::Email,
        FileType::Executable,
        FileType::Image,
        FileType::Office,
        FileType::System,
        FileType::Temporary,
        FileType::Text,
        FileType::WebPage,
        FileType::Other,
    ];

    /// Its number, below the length of [`FileType::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            FileType::AudioVideo => 0,
            FileType::Backup => 1,
            FileType::Compressed => 2,
            FileType::Email => 3,
            FileType::Executable => 4,
            FileType::Image => 5,
            FileType::Office => 6,
            FileType::System => 7,
            FileType::Temporary => 8,
            FileType::Text => 9,
            FileType::WebPage => 10,
            FileType::Other => 11,
        }
    }

    /// Its name for people, which is the file group's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FileType::AudioVideo => "Audio and Video Files",
            FileType::Backup => "Backup Files",
            FileType::Compressed => "Compressed Files",
            FileType::Email => "E-mail Files",
            FileType::Executable => "Executable Files",
            FileType::Image => "Image Files",
            FileType::Office => "Office Files",
            FileType::System => "System Files",
            FileType::Temporary => "Temporary Files",
            FileType::Text => "Text Files",
            FileType::WebPage => "Web Page Files",
            FileType::Other => "Other Files",
        }
    }

    /// The type of a file of that name (one component of a path). Case does not matter.
    #[must_use]
    pub fn of_name(name: Wtf8<'_>) -> FileType {
        let bytes = name.as_bytes();
        if bytes.first() == Some(&b'~') {
            return FileType::Temporary;
        }
        let Some((_, extension)) = name.rsplit_once(b'.') else { return FileType::Other };
        let extension = extension.as_bytes();
        let mut folded = [0u8; LONGEST_EXTENSION];
        let Some(folded) = folded.get_mut(..extension.len()) else { return FileType::Other };
        folded.copy_from_slice(extension);
        folded.make_ascii_lowercase();
        std::str::from_utf8(folded).map_or(FileType::Other, of_extension)
    }
}

/// The type of an extension in lower case.
fn of_extension(extension: &str) -> FileType {
    match extension {
        "aac" | "aif" | "aiff" | "asf" | "asx" | "au" | "avi" | "flac" | "m3u" | "mid" | "midi" | "mov"
        | "mp1" | "mp2" | "mp3" | "mp4" | "mpa" | "mpe" | "mpeg" | "mpeg2" | "mpeg3" | "mpg" | "ogg"
        | "qt" | "qtw" | "ram" | "rm" | "rmi" | "rmvb" | "snd" | "swf" | "vob" | "wav" | "wax" | "wma"
        | "wmv" | "wvx" => FileType::AudioVideo,
        "bak" | "bck" | "bkf" | "old" => FileType::Backup,
        "ace" | "arc" | "arj" | "bhx" | "bz2" | "cab" | "gz" | "gzip" | "hpk" | "hqx" | "jar" | "lha"
        | "lzh" | "lzx" | "pak" | "pit" | "rar" | "sea" | "sit" | "sqz" | "tgz" | "uu" | "uue" | "z"
        | "zip" | "zoo" => FileType::Compressed,
        "eml" | "idx" | "mbox" | "mbx" | "msg" | "ost" | "otf" | "pab" | "pst" => FileType::Email,
        "bat" | "cmd" | "com" | "cpl" | "exe" | "inf" | "js" | "jse" | "msh" | "msi" | "msp" | "ocx"
        | "pif" | "pl" | "ps1" | "scr" | "vb" | "vbs" | "wsf" | "wsh" => FileType::Executable,
        "bmp" | "dib" | "eps" | "gif" | "img" | "jfif" | "jpe" | "jpeg" | "jpg" | "pcx" | "png" | "ps"
        | "psd" | "raw" | "rif" | "spiff" | "tif" | "tiff" => FileType::Image,
        "accdb" | "accde" | "accdr" | "accdt" | "adn" | "adp" | "doc" | "docm" | "docx" | "dot" | "dotm"
        | "dotx" | "grv" | "gsa" | "gta" | "mda" | "mdb" | "mde" | "mdf" | "mdp" | "mdt" | "mdw" | "mdz"
        | "mpd" | "mpp" | "mpt" | "obt" | "odb" | "one" | "onepkg" | "pot" | "potm" | "potx" | "ppa"
        | "ppam" | "pps" | "ppsm" | "ppsx" | "ppt" | "pptm" | "pptx" | "pub" | "pwz" | "rqy" | "rtf"
        | "rwz" | "sldm" | "sldx" | "slk" | "thmx" | "vdx" | "vsd" | "vsl" | "vss" | "vst" | "vsu"
        | "vsw" | "vsx" | "vtx" | "wbk" | "wri" | "xla" | "xlam" | "xlb" | "xlc" | "xld" | "xlk" | "xll"
        | "xlm" | "xls" | "xlsb" | "xlsm" | "xlsx" | "xlt" | "xltm" | "xltx" | "xlv" | "xlw" | "xsf"
        | "xsn" => FileType::Office,
        "acm" | "dll" | "sys" | "vxd" => FileType::System,
        "temp" | "tmp" => FileType::Temporary,
        "asc" | "text" | "txt" => FileType::Text,
        "asp" | "aspx" | "cgi" | "css" | "dhtml" | "hta" | "htm" | "html" | "mht" | "php" | "php3"
        | "shtml" | "url" => FileType::WebPage,
        _ => FileType::Other,
    }
}

/// A line of a report by age: files that were written to so many days ago, and no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeBand {
    /// Its name for people.
    pub name: &'static str,
    /// Most days since the file was written to; `None` in the last band.
    pub most_days: Option<u32>,
}

impl AgeBand {
    /// Every band, the youngest first.
    pub const ALL: [AgeBand; 8] = [
        AgeBand { name: "up to 7 days", most_days: Some(7) },
        AgeBand { name: "8 to 30 days", most_days: Some(30) },
        AgeBand { name: "31 to 90 days", most_days: Some(90) },
        AgeBand { name: "91 to 180 days", most_days: Some(180) },
        AgeBand { name: "181 to 365 days", most_days: Some(365) },
        AgeBand { name: "1 to 2 years", most_days: Some(730) },
        AgeBand { name: "2 to 5 years", most_days: Some(1826) },
        AgeBand { name: "more than 5 years", most_days: None },
    ];

    /// Number of the band of files that were written to `days` ago. What is of the future is as of today.
    #[must_use]
    pub fn of_days(days: i64) -> usize {
        let is_older = |band: &&AgeBand| band.most_days.is_some_and(|most| days > i64::from(most));
        AgeBand::ALL.iter().take_while(is_older).count()
    }
}

/// What there is of each class; folders are in none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// By type, in the order of [`FileType::ALL`]; blocks on disk are not known by class, and 0.
    pub types: [Usage; FileType::ALL.len()],
    /// By age, in the order of [`AgeBand::ALL`]; likewise.
    pub ages: [Usage; AgeBand::ALL.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_name_says_the_type() {
        for (name, expected) in [
            ("a.docx", FileType::Office),
            ("A.DOCX", FileType::Office),
            ("b.tar.gz", FileType::Compressed),
            ("~$a.docx", FileType::Temporary),
            ("x.TMP", FileType::Temporary),
            ("shell32.dll", FileType::System),
            ("film.mpeg3", FileType::AudioVideo),
            ("no extension", FileType::Other),
            ("ends.", FileType::Other),
            (".txt", FileType::Text),
            ("a.averylongextension", FileType::Other),
            ("a.d\u{f6}c", FileType::Other),
            ("", FileType::Other),
        ] {
            assert_eq!(FileType::of_name(name.into()), expected, "{name}");
        }
    }

    #[test]
    fn types_are_numbered_in_order_and_have_names_of_their_own() {
        for (number, kind) in FileType::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), number);
            assert_eq!(FileType::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
        }
    }

    #[test]
    fn bands_end_where_they_say() {
        let name = |days| AgeBand::ALL[AgeBand::of_days(days)].name;
        for (days, expected) in [
            (-5, "up to 7 days"),
            (0, "up to 7 days"),
            (7, "up to 7 days"),
            (8, "8 to 30 days"),
            (30, "8 to 30 days"),
            (365, "181 to 365 days"),
            (366, "1 to 2 years"),
            (1826, "2 to 5 years"),
            (1827, "more than 5 years"),
            (i64::MAX, "more than 5 years"),
        ] {
            assert_eq!(name(days), expected, "{days}");
        }
    }
}
