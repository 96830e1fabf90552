package protofields_test

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"vigie/ingest/protofields"
)

func TestFieldsInTheOrderTheyWereSent(t *testing.T) {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), protowire.EncodeZigZag(-7))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 1, protowire.Fixed64Type), math.Float64bits(1.5))
	b = protowire.AppendFixed32(protowire.AppendTag(b, 9, protowire.Fixed32Type), 1)
	b = protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), "text")
	f := protofields.New(b)
	if !f.Next() || f.Key != 2<<3|protofields.Varint || f.Sint() != -7 {
		t.Errorf("first: %+v", f)
	}
	if !f.Next() || f.Key != 1<<3|protofields.Fixed64 || f.Double() != 1.5 {
		t.Errorf("second: %+v", f)
	}
	if !f.Next() || f.Key != 9<<3|5 {
		t.Errorf("third: %+v", f)
	}
	if !f.Next() || f.Key != 3<<3|protofields.Bytes || string(f.Bytes) != "text" {
		t.Errorf("fourth: %+v", f)
	}
	if f.Next() || f.Bad {
		t.Errorf("behind the last: %+v", f)
	}
	for n := 1; n < len(b); n++ {
		whole := n == 2 || n == 11 || n == 16 // where a field ends
		if got := protofields.Whole(b[:n]); got != whole {
			t.Errorf("the first %d bytes: whole %v, want %v", n, got, whole)
		}
	}
}

func TestPackedNumbersAreBounded(t *testing.T) {
	var doubles, varints []byte
	for _, v := range []float64{1, 2.5} {
		doubles = protowire.AppendFixed64(doubles, math.Float64bits(v))
	}
	for _, v := range []uint64{1, 300} {
		varints = protowire.AppendVarint(varints, v)
	}
	if got, ok := protofields.AppendDoubles(nil, doubles, 2); !ok || !slices.Equal(got, []float64{1, 2.5}) {
		t.Errorf("doubles: %v %v", got, ok)
	}
	if _, ok := protofields.AppendDoubles(nil, doubles, 1); ok {
		t.Error("more doubles than the bound")
	}
	if _, ok := protofields.AppendDoubles(nil, doubles[:9], 2); ok {
		t.Error("half a double")
	}
	if got, ok := protofields.AppendFixed(nil, []byte{3, 0, 0, 0, 0, 0, 0, 0}, 2); !ok || !slices.Equal(got, []float64{3}) {
		t.Errorf("fixed: %v %v", got, ok)
	}
	if got, ok := protofields.AppendVarints(nil, varints, 2); !ok || !slices.Equal(got, []uint64{1, 300}) {
		t.Errorf("varints: %v %v", got, ok)
	}
	if _, ok := protofields.AppendVarints(nil, varints, 1); ok {
		t.Error("more varints than the bound")
	}
	if _, ok := protofields.AppendVarints(nil, varints[:2], 2); ok {
		t.Error("half a varint")
	}
}
