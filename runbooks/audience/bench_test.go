package audience

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// file is a file of contacts, of whom each agreed to mails, and each tenth has the offer premium.
func file(contacts int) []byte {
	var text bytes.Buffer
	text.WriteString("id;email;phone;lang;email_agree;sms_agree;offer;region;isp;device\n")
	for n := range contacts {
		offer, region := "free", []string{"idf", "paca", "bretagne", "occitanie"}[n%4]
		if n%10 == 0 {
			offer = "premium"
		}
		fmt.Fprintf(&text, "u-%08x;viewer.%d@example.com;+336%08d;%s;oui;non;%s;%s;isp%d;tv\n", n*2654435761%(1<<32), n, n, []string{"fr", "fr", "en"}[n%3], offer, region, n%5)
	}
	return text.Bytes()
}

// BenchmarkRead is what reading a line costs, without storing it.
func BenchmarkRead(b *testing.B) {
	csv := file(20_000)
	var lines bytes.Buffer
	for n := range 20_000 {
		fmt.Fprintf(&lines, `{"id":"u-%08x","email":"viewer.%d@example.com","phone":"+336%08d","lang":"fr","email_agree":true,"attributes":{"offer":"free","region":"idf","isp":"isp1","device":"tv"}}`+"\n", n, n, n)
	}
	for _, c := range []struct {
		format string
		text   []byte
	}{{"csv", csv}, {"json", lines.Bytes()}} {
		b.Run(c.format, func(b *testing.B) {
			book := reader()
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				i := &Import{}
				if err := book.read(context.Background(), i, bytes.NewReader(c.text), ImportOptions{Format: c.format}, func(int, *told) { n++ }); err != nil || i.Refused > 0 {
					b.Fatal(err, i.Refused)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkMillion imports a million contacts into the real engine, again, and in place of all, then asks them.
func BenchmarkMillion(b *testing.B) {
	const contacts = 1_000_000
	text := file(contacts)
	book := open1(b)
	run := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(b)
			}
		})
	}
	load := func(o ImportOptions) func(b *testing.B) {
		return func(b *testing.B) {
			o.Format = "csv"
			from := time.Now()
			i, err := book.Import(b.Context(), bytes.NewReader(text), o)
			if err != nil || i.Refused > 0 || i.Added+i.Same != contacts {
				b.Fatal(err, i)
			}
			b.ReportMetric(contacts/time.Since(from).Seconds(), "lines/s")
		}
	}
	run("import", load(ImportOptions{}))
	run("again", load(ImportOptions{}))
	run("replace", load(ImportOptions{Replace: true}))
	premium := []Condition{{"offer", []string{"premium"}, false}}
	book.segment(b, "premium", false, premium...)
	book.segment(b, "all", false)
	run("estimate", func(b *testing.B) {
		if e, err := book.Estimate(b.Context(), premium, nil); err != nil || e.Email.Size != contacts/10 {
			b.Fatal(e, err)
		}
	})
	run("form", func(b *testing.B) {
		book.forms = formCache{}
		if _, err := book.Attributes(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	run("lookup", func(b *testing.B) {
		if found, err := book.Lookup(b.Context(), "viewer.777777@example.com"); err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
	})
	for _, segment := range []string{"premium", "all"} {
		var f *Frozen
		run("freeze/"+segment, func(b *testing.B) {
			var err error
			if f, err = book.Freeze(b.Context(), Ask{Segment: segment, Kind: email}, FreezeOptions{}); err != nil || f.Size < contacts/10 {
				b.Fatal(f, err)
			}
		})
		run("load/"+segment, func(b *testing.B) {
			l, err := book.Load(b.Context(), f.ID)
			if err != nil || l.At(f.Size-1).To == "" {
				b.Fatal(err)
			}
		})
	}
	run("delete", func(b *testing.B) {
		n := b.N
		if gone, err := book.DeleteContact(b.Context(), fmt.Sprintf("u-%08x", n*2654435761%(1<<32))); err != nil || !gone {
			b.Skip(gone, err)
		}
	})
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.Logf("heap %d MB, from the system %d MB", m.HeapAlloc>>20, m.Sys>>20)
}

// BenchmarkSuppressed is what a worker asks before each message.
func BenchmarkSuppressed(b *testing.B) {
	book := open1(b)
	var text strings.Builder
	text.WriteString("address\n")
	for n := range 200_000 {
		fmt.Fprintf(&text, "viewer.%d@example.com\n", n)
	}
	from := time.Now()
	if i, err := book.ImportSuppressions(b.Context(), strings.NewReader(text.String()), "x"); err != nil || i.Added != 200_000 {
		b.Fatal(i, err)
	}
	b.Logf("200,000 suppressions imported in %s", time.Since(from))
	key := book.Key(email, "viewer.777@example.com")
	for b.Loop() {
		if _, ok := book.Suppressed(key); !ok {
			b.Fatal("told")
		}
	}
}
