package report

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// One colour for Hardtack, one for designs that encrypt, one for the others.
var palette = struct{ own, encrypts, other color.Color }{
	own: color.RGBA{0xb4, 0x53, 0x09, 0xff}, encrypts: color.RGBA{0x47, 0x55, 0x69, 0xff}, other: color.RGBA{0xa8, 0xb3, 0xc1, 0xff},
}

func (r *Report) writeCharts(dir string) error {
	save := func(name string, p *plot.Plot, rows int) error {
		// Put the fonts into the file. With a viewer's own fonts, labels wouldn't
		// have the widths that the layout was made for.
		c := vgsvg.NewWith(vgsvg.UseWH(23*vg.Centimeter, vg.Length(max(10, 4+rows))*vg.Centimeter*0.8), vgsvg.EmbedFonts(true))
		area := draw.New(c)
		p.Draw(draw.Crop(area, vg.Centimeter/2, -vg.Centimeter/2, vg.Centimeter/2, -vg.Centimeter/2))
		var file bytes.Buffer
		if _, err := c.WriteTo(&file); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".svg"), file.Bytes(), 0o644)
	}
	if t := r.Table("verify"); t != nil {
		times := r.bars("Verify: raw Cookie header to trusted user", "time for one verify, log scale (shorter is better)", t, true, func(i int) float64 { return t.Rows[i].Median })
		if err := save("verify-time", times, len(t.Rows)); err != nil {
			return err
		}
		counted := Table{}
		sized := Table{}
		for _, row := range t.Rows[1:] {
			if row.Allocs >= 0 {
				counted.Rows = append(counted.Rows, row)
			}
			if r.Entry(row.Name).Wire > 0 {
				sized.Rows = append(sized.Rows, row)
			}
		}
		allocs := r.bars("Verify: allocations", "allocations for one verify", &counted, false, func(i int) float64 { return counted.Rows[i].Allocs })
		if err := save("verify-allocations", allocs, len(counted.Rows)); err != nil {
			return err
		}
		bytes := r.bars("Size of the session cookie, name and value", "bytes in every request", &sized, false, func(i int) float64 { return float64(r.Entry(sized.Rows[i].Name).Wire) })
		if err := save("cookie-bytes", bytes, len(sized.Rows)); err != nil {
			return err
		}
	}
	for _, t := range r.Tables {
		if t.X == nil {
			continue
		}
		p, err := t.line()
		if err != nil {
			return err
		}
		if err := save(t.ID, p, 10); err != nil {
			return err
		}
	}
	return nil
}

// bars draws one horizontal bar per row, with its figure after it. The first row is
// on top.
func (r *Report) bars(title, axis string, t *Table, log bool, value func(i int) float64) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, axis
	p.Title.Padding, p.X.Padding = vg.Points(8), vg.Points(4)
	n := len(t.Rows)
	names := make([]string, n)
	labels := plotter.XYLabels{XYs: make(plotter.XYs, n), Labels: make([]string, n)}
	low, high := 1.0, 0.0
	for i, row := range t.Rows {
		at, v := n-1-i, value(i)
		names[at] = row.Name
		high = max(high, v)
		labels.XYs[i] = plotter.XY{X: v, Y: float64(at)}
		labels.Labels[i] = strconv.FormatFloat(v, 'f', 0, 64)
		if log {
			labels.Labels[i] = duration(v)
		}
		c := palette.other
		if e := r.Entry(row.Name); len(row.Name) >= 8 && row.Name[:8] == "Hardtack" {
			c = palette.own
		} else if e.Encrypts {
			c = palette.encrypts
		}
		p.Add(&bar{at: float64(at), value: v, log: log, color: c})
	}
	if log {
		low = 100
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = decades{}
	} else {
		low = 0
	}
	p.X.Min, p.X.Max = low, high*1.15
	if log {
		p.X.Max = high * 3
	}
	p.Y.Min, p.Y.Max = -0.7, float64(n)-0.3
	p.NominalY(names...)
	p.Y.Tick.Label.Font.Size, p.Y.Padding = vg.Points(11), vg.Points(6)
	if l, err := plotter.NewLabels(labels); err == nil {
		l.Offset.X = vg.Points(4)
		for i := range l.TextStyle {
			l.TextStyle[i].YAlign = draw.YCenter
		}
		p.Add(l)
	}
	return p
}

// bar is a horizontal bar that starts at the left edge. A log scale needs that,
// because it has no zero.
type bar struct {
	at, value float64
	log       bool
	color     color.Color
}

func (b *bar) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	c.FillPolygon(b.color, []vg.Point{
		{X: c.Min.X, Y: y(b.at - 0.32)}, {X: x(b.value), Y: y(b.at - 0.32)},
		{X: x(b.value), Y: y(b.at + 0.32)}, {X: c.Min.X, Y: y(b.at + 0.32)},
	})
}

// duration prints nanoseconds with three significant digits.
func duration(ns float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.size {
			return strconv.FormatFloat(ns/u.size, 'g', 3, 64) + " " + u.name
		}
	}
	return strconv.FormatFloat(ns, 'f', 0, 64) + " ns"
}

// decades marks every power of ten with a time.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := 1.0; v <= high; v *= 10 {
		if v >= low {
			ticks = append(ticks, plot.Tick{Value: v, Label: duration(v)})
		}
	}
	return ticks
}

// whole marks a linear axis with whole numbers.
type whole struct{}

func (whole) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'f', -1, 64)
		}
	}
	return ticks
}

// line draws a scaling table. Rows with the same name form one line.
func (t *Table) line() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = t.Title, t.Axis, t.Unit
	p.Title.Padding, p.X.Padding, p.Y.Padding = vg.Points(8), vg.Points(4), vg.Points(4)
	p.Add(plotter.NewGrid())
	var order []string
	points := map[string]plotter.XYs{}
	for i, row := range t.Rows {
		if points[row.Name] == nil {
			order = append(order, row.Name)
		}
		points[row.Name] = append(points[row.Name], plotter.XY{X: t.X[i], Y: row.Median})
		p.X.Max, p.Y.Max = max(p.X.Max, t.X[i]*1.03), max(p.Y.Max, row.Median*1.15)
	}
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0, p.Y.Max*1.3 // room for the legend
	p.X.Tick.Marker, p.Y.Tick.Marker = whole{}, whole{}
	colors := []color.Color{palette.own, palette.encrypts, palette.other, color.RGBA{0x0f, 0x76, 0x6e, 0xff}}
	for i, name := range order {
		l, s, err := plotter.NewLinePoints(points[name])
		if err != nil {
			return nil, err
		}
		l.Color, s.Color = colors[i%len(colors)], colors[i%len(colors)]
		l.Width, s.Shape, s.Radius = vg.Points(1.5), draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(l, s)
		p.Legend.Add(name, l, s)
	}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(3)
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(8), -vg.Points(6)
	return p, nil
}
