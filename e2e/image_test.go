package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
	"testing"
)

// mostBytes is how large a picture of the documents may be.
const mostBytes = 150_000

// mostApart is how far the means of a patch of two pictures may be apart, of
// 255: another version of the browser draws letters a little differently, and a
// page that changed moves or colours more than that.
const mostApart = 24

// patch is the side of a patch, in pixels.
const patch = 40

func decode(t *testing.T, file []byte) image.Image {
	t.Helper()
	i, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// reduce returns a picture in its 256 most frequent colours.
func reduce(t *testing.T, file []byte) []byte {
	t.Helper()
	full := decode(t, file)
	often := map[color.RGBA]int{}
	each(full.Bounds(), func(x, y int) { often[rgba(full, x, y)]++ })
	colours := slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int {
		if often[a] != often[b] {
			return often[b] - often[a]
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	small := image.NewPaletted(full.Bounds(), nil)
	for _, c := range colours[:min(256, len(colours))] {
		small.Palette = append(small.Palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(small.Palette.Index(c))
	}
	each(full.Bounds(), func(x, y int) { small.SetColorIndex(x, y, nearest[rgba(full, x, y)]) })
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	if out.Len() > mostBytes {
		t.Errorf("the picture has %d bytes, want at most %d", out.Len(), mostBytes)
	}
	return out.Bytes()
}

// apart returns by how much the two pictures differ where they differ most, 255
// where they are not of one size.
func apart(t *testing.T, one, other []byte) int {
	t.Helper()
	a, b := decode(t, one), decode(t, other)
	if a.Bounds() != b.Bounds() {
		return 255
	}
	sums := map[image.Point]*[4]int{}
	each(a.Bounds(), func(x, y int) {
		at := image.Pt(x/patch, y/patch)
		if sums[at] == nil {
			sums[at] = &[4]int{}
		}
		p, q, s := rgba(a, x, y), rgba(b, x, y), sums[at]
		s[0] += int(p.R) - int(q.R)
		s[1] += int(p.G) - int(q.G)
		s[2] += int(p.B) - int(q.B)
		s[3]++
	})
	far := 0
	for _, s := range sums {
		for _, sum := range s[:3] {
			far = max(far, sum/s[3], -sum/s[3])
		}
	}
	return far
}

func rgba(i image.Image, x, y int) color.RGBA {
	r, g, b, _ := i.At(x, y).RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
}

func each(r image.Rectangle, do func(x, y int)) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			do(x, y)
		}
	}
}
