namespace Mewe.Grains;

/// <summary>
/// Divides the processor time that a silo and its engines use among the steps that run at the time, in equal parts, since nobody can tell whose it is. The sum over all steps is exact. For reports only.
/// </summary>
/// <param name="used">Processor time so far.</param>
internal sealed class ProcessorShares(Func<TimeSpan> used)
{
    private readonly Lock gate = new();
    private readonly List<Share> active = [];
    private TimeSpan settled = used();

    /// <summary>Begins a step.</summary>
    public Share Begin()
    {
        lock (gate)
        {
            Settle();
            var share = new Share(this);
            active.Add(share);
            return share;
        }
    }

    private void Settle()
    {
        var now = used();
        if (active.Count == 0)
        {
            // Between steps: whoever comes next takes it.
            return;
        }

        var part = (now - settled) / active.Count;
        settled = now;
        active.ForEach(share => share.Time += part);
    }

    /// <summary>A step's part.</summary>
    internal sealed class Share(ProcessorShares shares) : IDisposable
    {
        public TimeSpan Time { get; internal set; }

        /// <summary>The part so far.</summary>
        public TimeSpan SoFar()
        {
            lock (shares.gate)
            {
                shares.Settle();
                return Time;
            }
        }

        public void Dispose()
        {
            lock (shares.gate)
            {
                shares.Settle();
                shares.active.Remove(this);
            }
        }
    }
}
