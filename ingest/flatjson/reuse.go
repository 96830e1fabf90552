package flatjson

// Reset is New, but that it keeps the scratch space: for who reads many small payloads, such as
// objects nested in members. What Key and Text have returned is no longer valid.
func (o *Objects) Reset(payload []byte) {
	scratch := o.scratch[:0]
	*o = New(payload)
	o.scratch = scratch
}

// Unescape appends raw, what stands between the quotes of a string, to dst with its escapes undone, as
// Text undoes them.
func Unescape(dst, raw []byte) []byte {
	o := Objects{scratch: dst}
	o.unescape(raw)
	return o.scratch
}
