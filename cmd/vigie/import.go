package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func imports(c *common) *cobra.Command {
	var source, format, collector string
	cmd := &cobra.Command{
		Use:   "import FILE… --source ID",
		Short: "Send log files to a running Vigie; a file imported twice counts once",
		Long: `Reads files, packed with gzip or not, or standard input (-), and sends them to the collectors as the
source named, in the source's format or the one given. What cannot be read is counted here with its reasons and
kept there in the quarantine.

  vigie import access.log.gz --source edge1 --config room.yaml
  zcat *.gz | vigie import - --source edge1 --config room.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			for _, file := range args {
				if err := importFile(cmd, cfg, file, source, format, collector); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&source, "source", "s", "", "id of the source the lines belong to")
	cmd.Flags().StringVar(&format, "format", "", "of the files, where it is not the source's: akamai, beacon, combined, ndjson, nginx, w3c")
	cmd.Flags().StringVar(&collector, "to", "", "base URL of the collectors (default listen.machines of the configuration)")
	cmd.MarkFlagRequired("source")
	return cmd
}

func importFile(cmd *cobra.Command, cfg *app.Config, name, source, format, collector string) error {
	var file io.Reader = cmd.InOrStdin()
	size := int64(-1)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return errors.Unwrap(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		file = f
	}
	bar := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	sum, err := cfg.Import(cmd.Context(), file, app.ImportOptions{
		Source: source, Format: format, Collector: collector, Progress: func(n int64) { bar.Add64(n) },
	})
	bar.Finish()
	if sum != nil && sum.Bodies > 0 {
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%s: %d records accepted, %d refused, %.1f MB of text\n", name, sum.Records, sum.Refused, float64(sum.Bytes)/1e6)
		if sum.Records > 0 {
			fmt.Fprintf(out, "  from %s to %s\n", sum.First.UTC().Format(time.RFC3339), sum.Last.UTC().Format(time.RFC3339))
		}
		reasons := make([]string, 0, len(sum.Reasons))
		for r := range sum.Reasons {
			reasons = append(reasons, r)
		}
		slices.SortFunc(reasons, func(a, b string) int { return sum.Reasons[b] - sum.Reasons[a] })
		for _, r := range reasons {
			fmt.Fprintf(out, "  refused %d: %s\n", sum.Reasons[r], r)
		}
		if sum.Duplicates > 0 {
			fmt.Fprintf(out, "  %d of %d parts had been imported before and count once\n", sum.Duplicates, sum.Bodies)
		}
	}
	return err
}
