package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// maxSample bounds a sample as it is given, packed or not.
const maxSample = 16 << 20

func checkSource(c *common) *cobra.Command {
	var lines int
	var full bool
	cmd := &cobra.Command{
		Use:   "source ID < SAMPLE",
		Short: "Show line by line how a sample of a source's logs is read, and why a field is missing",
		Long: `Reads a sample of what a source sends from standard input, as it sends it, packed or not, and shows for each
record what every field is, where it came from, and why one is missing: it is not in the line, it is a mark of an absent
value, or it cannot be read. Ends with what no record told, and what nothing reads. Nothing is sent or stored.

Tokens are masked and addresses cut to their network, so that the output can be pasted into a ticket. The exit code is 1
when a record is refused.

  head -c 100k access.log | vigie check source edge1 --config room.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			sample, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxSample+1))
			if err != nil {
				return err
			}
			if len(sample) > maxSample {
				return fmt.Errorf("the sample is longer than %d MiB: give the first lines of it (head -c 1M)", maxSample>>20)
			}
			refused, err := cfg.Explain(cmd.OutOrStdout(), args[0], sample, lines, full)
			if err != nil {
				return err
			}
			if refused > 0 {
				return fmt.Errorf("%d records were refused", refused)
			}
			return nil
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 20, "records that are shown one by one; all are counted")
	cmd.Flags().BoolVar(&full, "full", false, "show tokens and whole addresses")
	return cmd
}
