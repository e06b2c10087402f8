//! Plots as SVG for a page of two themes. plotters knows only fixed colours, so every [`Ink`] has a colour of its
//! own, and the page's style sheet says what it looks like in each theme.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Where plots are drawn.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Why one could not be.
pub type DrawError = Box<dyn std::error::Error>;

/// Width and height of a plot that has another beside it.
pub const SMALL: (u32, u32) = (540, 300);
/// The width of one that has the page for itself.
pub const WIDE: u32 = 1_100;
/// Size of text; plotters writes it a fifth smaller.
const TEXT: u32 = 16;

/// What something is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Words beside a plot.
    Words,
    /// Lines behind one.
    Grid,
    /// Sound.
    Sound,
    /// Pictures, smallest first.
    Small,
    /// See `Small`.
    Medium,
    /// See `Small`.
    Large,
    /// Participants.
    Participant,
    /// Relays.
    Relay,
    /// What is measured against, dashed.
    Direct,
    /// A limit, dashed.
    Limit,
    /// What went wrong.
    Bad,
    /// An edge of a tree.
    Edge,
    /// The page itself, for words on something.
    Paper,
}

impl Ink {
    /// All of them: a name, and the colour on a light and on a dark page.
    const ALL: [(Ink, &'static str, u32, u32); 13] = [
        (Ink::Words, "words", 0x4d5866, 0xa9b4c2),
        (Ink::Grid, "grid", 0xdfe4ea, 0x2b333e),
        (Ink::Sound, "sound", 0x1f6fd0, 0x62a5f5),
        (Ink::Small, "small", 0x1a936f, 0x45c9a0),
        (Ink::Medium, "medium", 0xc77c02, 0xf0b04a),
        (Ink::Large, "large", 0x7b4bc4, 0xb394f5),
        (Ink::Participant, "participant", 0x12808c, 0x43c5d1),
        (Ink::Relay, "relay", 0xb53f7c, 0xef86b8),
        (Ink::Direct, "direct", 0x7a8594, 0x8793a3),
        (Ink::Limit, "limit", 0xc92a2b, 0xff7a72),
        (Ink::Bad, "bad", 0xc22525, 0xff7068),
        (Ink::Edge, "edge", 0xb3bdc9, 0x4a5667),
        (Ink::Paper, "paper", 0xfdfdfe, 0x12161c),
    ];

    fn row(self) -> (Ink, &'static str, u32, u32) {
        Ink::ALL[self as usize]
    }

    /// The name of its variable in the style sheet.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The colour that stands for it in a drawing.
    pub fn color(self) -> RGBColor {
        let [_, red, green, blue] = self.row().2.to_be_bytes();
        RGBColor(red, green, blue)
    }

    fn line(self, width: u32) -> ShapeStyle {
        self.color().stroke_width(width)
    }
}

/// The style sheet's rules for both themes.
pub fn ink_rules() -> String {
    let (mut light, mut dark, mut rules) = (String::new(), String::new(), String::new());
    for (ink, name, on_light, on_dark) in Ink::ALL {
        let _ = write!(light, "--{name}:#{on_light:06x};");
        let _ = write!(dark, "--{name}:#{on_dark:06x};");
        let _ = writeln!(rules, "svg [stroke=\"#{on_light:06X}\"]{{stroke:var(--{name})}}");
        let _ = writeln!(rules, "svg [fill=\"#{on_light:06X}\"]{{fill:var(--{name})}}");
        if matches!(ink, Ink::Direct | Ink::Limit) {
            let _ = writeln!(rules, "svg [stroke=\"#{on_light:06X}\"]{{stroke-dasharray:6 4}}");
        }
    }
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}")
}

/// A drawing that scales with the page and is read aloud as `label`.
pub fn svg(
    (width, height): (u32, u32),
    label: &str,
    draw: impl FnOnce(&Area) -> Result<(), DrawError>,
) -> Markup {
    let mut text = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(&area).and_then(|()| Ok(area.present()?))
    };
    if let Err(error) = drawn {
        return html! { p.bad { "This could not be drawn: " (error) } };
    }
    // The page brings an outer tag of its own, without a fixed size.
    let inner = text.split_once('>').map_or("", |(_, rest)| rest).trim_end();
    let inner = inner.strip_suffix("</svg>").unwrap_or(inner);
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) { (PreEscaped(inner)) }
    }
}

/// The names of inks.
pub fn legend(names: &[(Ink, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (ink, name) in names {
                li { span.swatch.dashed[matches!(ink, Ink::Direct | Ink::Limit)] style=(format!("--ink:var(--{})", ink.name())) {} (name) }
            }
        }
    }
}

/// What a plot's axes say, and how far they go, from zero.
pub struct Axes<'a> {
    /// Under it.
    pub x: &'a str,
    /// Beside it.
    pub y: &'a str,
    /// The right end.
    pub x_max: f64,
    /// The upper end.
    pub y_max: f64,
}

/// A line through points.
pub struct Line {
    /// What it is drawn with.
    pub ink: Ink,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// Where plots with axes are drawn, all with the same margins: one under another lines up with it.
pub type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A chart from zero on.
pub fn chart<'a, 'b>(area: &'b Area<'a>, x_max: f64, y_max: f64) -> Result<Chart<'a, 'b>, DrawError> {
    let chart = ChartBuilder::on(area)
        .margin_top(20)
        .margin_right(18)
        .x_label_area_size(46)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..upper(x_max), 0.0..upper(y_max))?;
    Ok(chart)
}

/// Lines over a grid.
pub fn lines(size: (u32, u32), label: &str, axes: &Axes, lines: &[Line]) -> Markup {
    svg(size, label, |area| {
        let mut chart = chart(area, axes.x_max, axes.y_max)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Ink::Grid.line(1))
            .light_line_style(TRANSPARENT)
            .axis_style(Ink::Grid.line(1))
            .label_style(words())
            .axis_desc_style(words())
            .x_labels(7)
            .y_labels(6)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .x_desc(axes.x)
            .y_desc(axes.y)
            .draw()?;
        for line in lines {
            let points = line.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            chart.draw_series(LineSeries::new(points, line.ink.line(2)))?;
        }
        Ok(())
    })
}

/// Bars that stand together, and what is written under them.
pub struct Group {
    /// Under them.
    pub name: String,
    /// From left to right.
    pub bars: Vec<(Ink, f64)>,
}

/// Groups of bars; a plot of few bars says their values.
pub fn bars(size: (u32, u32), label: &str, axes: &Axes, groups: &[Group]) -> Markup {
    svg(size, label, |area| {
        let count = groups.len().max(1) as f64;
        let mut chart = chart(area, count, axes.y_max)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Ink::Grid.line(1))
            .light_line_style(TRANSPARENT)
            .axis_style(Ink::Grid.line(1))
            .label_style(words())
            .axis_desc_style(words())
            .x_labels(0)
            .y_labels(6)
            .y_label_formatter(&|value| short(*value))
            .x_desc(axes.x)
            .y_desc(axes.y)
            .draw()?;
        let bar_count: usize = groups.iter().map(|group| group.bars.len()).sum();
        for (at, group) in groups.iter().enumerate() {
            let width = 0.8 / group.bars.len().max(1) as f64;
            for (place, (ink, value)) in group.bars.iter().enumerate() {
                let left = at as f64 + 0.1 + width * place as f64;
                let corners = [(left, 0.0), (left + width * 0.92, *value)];
                chart.draw_series([Rectangle::new(corners, ink.color().filled())])?;
                if bar_count <= 8 {
                    let (x, y) = chart.backend_coord(&(left + width * 0.46, *value));
                    write_at(area, &short(*value), (x, y - 4), HPos::Center, VPos::Bottom)?;
                }
            }
            let (x, y) = chart.backend_coord(&(at as f64 + 0.5, 0.0));
            write_at(area, &group.name, (x, y + 8), HPos::Center, VPos::Top)?;
        }
        Ok(())
    })
}

/// Writes words at a place of the drawing.
pub fn write_at(area: &Area, text: &str, at: (i32, i32), h: HPos, v: VPos) -> Result<(), DrawError> {
    // Coordinates of the backend count from the drawing's corner, as the area's own do: it is the whole of it.
    area.draw(&Text::new(text.to_owned(), at, words().pos(Pos::new(h, v))))?;
    Ok(())
}

/// How words beside a plot are written.
pub fn words() -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&Ink::Words.color())
}

/// A number as short as an axis has room for.
pub fn short(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 1e9 => (value / 1e9, "G"),
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        scaled if scaled >= 100.0 => 0,
        scaled if scaled >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{scaled:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{unit}", if text == "-0" { "0" } else { text })
}

/// An axis has some length, whatever the values are.
fn upper(value: f64) -> f64 {
    if value.is_finite() && value > 0.0 { value } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let values = [0.0, 0.25, 3.0, 12.34, 250.0, 9_999.0, 12_500.0, 3_400_000.0, 2e9];
        let texts = values.map(short);
        assert_eq!(texts, ["0", "0.25", "3", "12.3", "250", "9999", "12.5k", "3.4M", "2G"]);
    }

    #[test]
    fn every_ink_has_its_own_row_and_its_own_colour() {
        for (at, (ink, _, on_light, on_dark)) in Ink::ALL.iter().enumerate() {
            assert_eq!(*ink as usize, at);
            assert_ne!(on_light, on_dark);
            assert!(Ink::ALL[..at].iter().all(|before| before.2 != *on_light), "{ink:?}");
        }
    }

    #[test]
    fn empty_plots_are_drawn_too() {
        let axes = Axes { x: "x", y: "y", x_max: f64::NAN, y_max: 0.0 };
        let line = Line { ink: Ink::Sound, points: vec![(f64::NAN, 1.0)] };
        assert!(lines(SMALL, "none", &axes, &[line]).into_string().contains("<svg"));
        assert!(bars(SMALL, "none", &axes, &[]).into_string().contains("<svg"));
    }
}
