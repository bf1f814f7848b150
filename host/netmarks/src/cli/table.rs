//! Tables and paragraphs that fit the terminal.
//!
//! A table that is too wide first loses the columns that matter least, then breaks the cells that are sentences, and names only if
//! nothing else is left.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table as Layout, Width, presets,
};
use netmarks_core::printable;

/// A column of sentences is not made narrower than this while another one can be left out.
const LEAST_SENTENCE: u16 = 24;

/// Columns of space around each cell.
const PADDING: u16 = 2;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    alignment: CellAlignment,
    sentences: bool,
    /// 0 stays; of the others the highest goes first.
    spare: u8,
}

impl Column {
    /// A column of names, which stays.
    pub(super) const fn new(title: &'static str) -> Self {
        Self { title, alignment: CellAlignment::Left, sentences: false, spare: 0 }
    }

    /// A column of numbers, which stays.
    pub(super) const fn number(title: &'static str) -> Self {
        Self { alignment: CellAlignment::Right, ..Self::new(title) }
    }

    /// A column of sentences or lists, whose cells go on in the next line.
    pub(super) const fn sentences(title: &'static str) -> Self {
        Self { sentences: true, ..Self::new(title) }
    }

    /// It is left out where there is no room; the higher `order` is, the sooner.
    pub(super) const fn spare(self, order: u8) -> Self {
        Self { spare: order, ..self }
    }
}

/// A table under way.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) const fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row. What a terminal would act on is escaped, line breaks as well: a cell cannot make a row.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable::one_line(&cell).into_owned()));
    }

    /// The table in so many columns of a terminal.
    pub(super) fn fit(&self, width: u16) -> String {
        let natural = self.natural_widths();
        let mut shown = vec![true; N];
        while self.least_width(&natural, &shown) > usize::from(width) {
            let left = self.columns.iter().zip(&shown).enumerate().filter(|(_, (_, shown))| **shown);
            let spare = left.filter(|(_, (column, _))| column.spare > 0);
            let Some((index, _)) = spare.max_by_key(|(_, (column, _))| column.spare) else { break };
            if let Some(shown) = shown.get_mut(index) {
                *shown = false;
            }
        }
        let fits = self.least_width(&natural, &shown) <= usize::from(width);
        let kept = || shown.iter().copied();
        let columns: Vec<&Column> =
            self.columns.iter().zip(kept()).filter_map(|(column, kept)| kept.then_some(column)).collect();
        let mut layout = layout(width);
        layout.set_header(columns.iter().map(|column| Cell::new(column.title)));
        for row in &self.rows {
            let cells = row.iter().zip(kept()).filter_map(|(cell, kept)| kept.then_some(cell));
            layout.add_row(
                cells.zip(&columns).map(|(cell, column)| Cell::new(cell).set_alignment(column.alignment)),
            );
        }
        if fits {
            let natural = natural.iter().zip(kept()).filter_map(|(width, kept)| kept.then_some(*width));
            for ((laid_out, column), natural) in layout.column_iter_mut().zip(&columns).zip(natural) {
                if !column.sentences {
                    laid_out.set_constraint(ColumnConstraint::Absolute(Width::Fixed(natural + PADDING)));
                }
            }
        }
        layout.trim_fmt()
    }

    /// The width of each column if no cell is broken.
    fn natural_widths(&self) -> Vec<u16> {
        let mut layout = layout(u16::MAX);
        layout.set_header(self.columns.map(|column| column.title));
        for row in &self.rows {
            layout.add_row(row);
        }
        layout.column_max_content_widths()
    }

    /// What the columns take if sentences are broken and nothing else is.
    fn least_width(&self, natural: &[u16], shown: &[bool]) -> usize {
        let columns = self.columns.iter().zip(natural).zip(shown).filter(|(_, shown)| **shown);
        let widths = columns.map(
            |((column, natural), _)| {
                if column.sentences { (*natural).min(LEAST_SENTENCE) } else { *natural }
            },
        );
        widths.map(|width| usize::from(width) + usize::from(PADDING)).sum()
    }
}

/// Paragraphs in so many columns of a terminal, each broken between words; `mark` stands before the first line, and the others
/// begin below its text.
pub(super) fn paragraph(mark: &str, text: &str, width: u16) -> String {
    let text = printable::one_line(text);
    let mut layout = layout(width);
    if mark.is_empty() {
        layout.add_row([&*text])
    } else {
        layout.add_row([mark, &text])
    };
    for column in layout.column_iter_mut() {
        column.set_padding((0, 0));
    }
    if let (false, Some(first)) = (mark.is_empty(), layout.column_mut(0)) {
        let mark = u16::try_from(mark.chars().count()).unwrap_or(0);
        first.set_constraint(ColumnConstraint::Absolute(Width::Fixed(mark)));
    }
    layout.trim_fmt()
}

fn layout(width: u16) -> Layout {
    let mut layout = Layout::new();
    layout.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    layout
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Columns of the widest line.
    pub(in super::super) fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    fn policies() -> Table<4> {
        let columns = [
            Column::new("NAME"),
            Column::number("WEIGHT"),
            Column::new("DIGEST").spare(2),
            Column::sentences("WHAT").spare(1),
        ];
        let mut table = Table::new(columns);
        table.row([
            "netmarks".to_owned(),
            "1".to_owned(),
            "sha256:e08f86e4477b".to_owned(),
            "prefers nodes with peers".to_owned(),
        ]);
        table
    }

    #[test]
    fn sentences_are_broken_before_columns_are_left_out_and_names_never_are() {
        let table = policies();
        assert_eq!(
            table.fit(120),
            " NAME      WEIGHT  DIGEST               WHAT\n netmarks       1  sha256:e08f86e4477b  prefers nodes with peers"
        );
        assert_eq!(table.fit(60), " NAME      WEIGHT  WHAT\n netmarks       1  prefers nodes with peers");
        assert_eq!(table.fit(40), " NAME      WEIGHT\n netmarks       1");
    }

    #[test]
    fn names_of_any_length_fit_every_width() {
        for width in [40, 80, 200] {
            let mut table = policies();
            table.row(["n".repeat(253), "1".repeat(30), "d".repeat(71), "word ".repeat(100)]);
            let shown = table.fit(width);
            assert!(widest(&shown) <= usize::from(width), "{width}:\n{shown}");
            let shown = paragraph("  12. ", &"word ".repeat(100), width);
            assert!(widest(&shown) <= usize::from(width), "{width}:\n{shown}");
            assert!(
                shown.starts_with("  12. word") && shown.lines().nth(1).unwrap().starts_with("      word"),
                "{shown}"
            );
        }
    }

    mod hostile {
        use super::*;

        #[test]
        fn a_cell_makes_no_row_and_moves_no_cursor() {
            let mut table = policies();
            table.row([
                "x\nnetmarks 9".to_owned(),
                "\u{1b}[2J".to_owned(),
                String::new(),
                "\u{9b}31m".to_owned(),
            ]);
            let shown = table.fit(200);
            assert_eq!(shown.lines().count(), 3, "{shown}");
            assert_eq!(netmarks_core::printable::lines(&shown), shown);
        }
    }
}
