package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func replays(c *common) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "replay --from TIME --to TIME",
		Short: "Read again what was received, after a parser or a configuration was mended",
		Long: `Asks the running Vigie that has the same data folder to read the raw stream again, from one moment of
reception to another (widened to ten seconds), with the parsers, mappings, weights and tables it has now. What is read
takes the place of what was read before, in the lines, in all sums and in the quarantine: nothing is counted twice.
Writers wait a second or so, then everything goes on as usual. A replay that is interrupted is finished by itself.

Times are RFC 3339, or a clock time of today in UTC. The raw stream keeps a day unless configured otherwise.

  vigie replay --from 2026-07-19T19:40:00Z --to 2026-07-19T19:55:00Z --config room.yaml
  vigie replay --from 19:40 --to 19:55 --config room.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			start, err := moment("--from", from)
			if err != nil {
				return err
			}
			end, err := moment("--to", to)
			if err != nil {
				return err
			}
			bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(cmd.ErrOrStderr()),
				progressbar.OptionSetDescription("messages"), progressbar.OptionClearOnFinish())
			done, err := cfg.Replay(cmd.Context(), start, end, func(far app.Replayed) {
				bar.ChangeMax64(int64(far.Total))
				bar.Set64(int64(far.Messages))
			})
			bar.Finish()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "read again what was received from %s to %s: %d records, %d refused\n",
				done.From.UTC().Format(time.RFC3339), done.To.UTC().Format(time.RFC3339), done.Lines, done.Refused)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first moment of reception")
	cmd.Flags().StringVar(&to, "to", "", "moment of reception before which it ends; a minute ago or earlier")
	cmd.MarkFlagRequired("from")
	cmd.MarkFlagRequired("to")
	return cmd
}

// moment reads a time of day as one of today, in UTC.
func moment(flag, text string) (time.Time, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			day := time.Now().UTC().Truncate(24 * time.Hour)
			return day.Add(t.Sub(t.Truncate(24 * time.Hour))), nil
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %q is neither RFC 3339, as 2026-07-19T19:40:00Z, nor a clock time, as 19:40", flag, text)
	}
	return t, nil
}
