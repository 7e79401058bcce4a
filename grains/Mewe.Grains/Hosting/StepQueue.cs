namespace Mewe.Grains;

/// <summary>A step of a job that somebody sent to this silo. It waits for a worker, then for its claim, and ends in some way.</summary>
/// <param name="function">Null for planning or linking.</param>
/// <param name="priority">Of the job.</param>
/// <param name="weight">Of the job; its share grows with it.</param>
/// <param name="cost">Of the function, in the unit of its job: the dearest goes first.</param>
public sealed class SentStep(string job, int? function, int priority, int weight, long cost = 0)
{
    private readonly TaskCompletionSource<StepStatus> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Job { get; } = job;

    public int? Function { get; } = function;

    public int Priority { get; } = priority;

    public int Weight { get; } = Math.Max(1, weight);

    public long Cost { get; } = cost;

    /// <summary>How long it was worked on, its claim included; zero until it ends.</summary>
    public TimeSpan Worked { get; internal set; }

    /// <summary>When it came, and when it was taken, as timestamps of the queue's clock.</summary>
    internal long Came { get; set; }

    internal long Taken { get; set; }

    /// <summary>True once a worker has it.</summary>
    public bool IsTaken { get; internal set; }

    /// <summary>Ends with the step: <see cref="StepStatus.NotClaimed"/> where the store did not give it, <see cref="StepStatus.Stopped"/> where the silo ends.</summary>
    public Task<StepStatus> Ended => ended.Task;

    internal void End(StepStatus status) => ended.TrySetResult(status);
}

/// <summary>For whom a step is taken from the queue.</summary>
internal enum TakenFor
{
    /// <summary>For a worker that is free.</summary>
    Worker,

    /// <summary>To be claimed ahead: only functions.</summary>
    Reserve,

    /// <summary>To run beside the workers, all of which are taken: steps of jobs, and functions of jobs that have less than their share.</summary>
    Guest,
}

/// <summary>
/// What waits for the workers of a silo, bounded for each job and in all, and fair: by priority, then steps of jobs before functions, then the job with the least at work for its weight, and of each job the dearest. A small
/// job does not wait behind a huge one, however much of that was sent before.
/// </summary>
internal sealed class StepQueue(int mostOfAJob, int most, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Line> lines = [];
    private TaskCompletionSource changed = New();
    private bool closed;
    private long arrivals;
    private int waiting;

    /// <summary>Steps that wait or are at work.</summary>
    public int Load
    {
        get
        {
            lock (gate)
            {
                return waiting + lines.Values.Sum(line => line.AtWork);
            }
        }
    }

    /// <summary>Ends with the next step that is added.</summary>
    public Task Changed
    {
        get
        {
            lock (gate)
            {
                return changed.Task;
            }
        }
    }

    /// <summary>Adds a step.</summary>
    /// <returns>False where there is no room, or the silo ends: somebody else is to have it.</returns>
    public bool TryAdd(SentStep step)
    {
        lock (gate)
        {
            var line = LineOf(step.Job);
            if (closed || waiting >= most || line.Waiting.Count >= mostOfAJob)
            {
                Tidy(step.Job, line);
                return false;
            }

            step.Came = time.GetTimestamp();
            line.Waiting.Add((step, arrivals++));
            (line.Priority, line.Weight) = (step.Priority, step.Weight);
            waiting++;
            changed.TrySetResult();
            changed = New();
            return true;
        }
    }

    /// <summary>Takes the step whose turn it is; null where there is none.</summary>
    public SentStep? Take(TakenFor purpose)
    {
        lock (gate)
        {
            var served = lines.Values.Where(line => line.AtWork > 0).ToList();
            var (priority, most) = served.Count == 0 ? (int.MinValue, double.MaxValue) : (served.Max(line => line.Priority), served.Max(line => (double)line.AtWork / line.Weight));
            var next = lines.Values.Select(line => (Line: line, Index: line.Next(purpose))).Where(turn => turn.Index >= 0)
                .Where(turn => purpose != TakenFor.Guest || turn.Line.Waiting[turn.Index].Step.Function is null || (turn.Line.Priority >= priority && (double)turn.Line.AtWork / turn.Line.Weight < most))
                .OrderByDescending(turn => turn.Line.Priority).ThenBy(turn => turn.Line.Waiting[turn.Index].Step.Function is null ? 0 : 1)
                .ThenBy(turn => (turn.Line.AtWork + 1.0) / turn.Line.Weight).ThenBy(turn => turn.Line.Waiting[turn.Index].Arrival)
                .FirstOrDefault();
            if (next.Line is not { } found)
            {
                return null;
            }

            var step = found.Waiting[next.Index].Step;
            found.Waiting.RemoveAt(next.Index);
            found.AtWork++;
            waiting--;
            (step.IsTaken, step.Taken) = (true, time.GetTimestamp());
            return step;
        }
    }

    /// <summary>Ends a step that was taken.</summary>
    public void End(SentStep step, StepStatus status)
    {
        lock (gate)
        {
            var line = LineOf(step.Job);
            line.AtWork--;
            Tidy(step.Job, line);
        }

        step.Worked = time.GetElapsedTime(step.Taken);
        step.End(status);
    }

    /// <summary>Gives back steps that have waited for so long: other silos have free workers for them.</summary>
    public void Return(int count, TimeSpan waited)
    {
        var returned = new List<SentStep>();
        lock (gate)
        {
            foreach (var (job, line) in lines.ToList())
            {
                foreach (var entry in line.Waiting.Where(entry => entry.Step.Function is not null && time.GetElapsedTime(entry.Step.Came) >= waited).Take(count - returned.Count).ToList())
                {
                    line.Waiting.Remove(entry);
                    waiting--;
                    returned.Add(entry.Step);
                }

                Tidy(job, line);
            }
        }

        returned.ForEach(step => step.End(StepStatus.Returned));
    }

    /// <summary>Takes nothing any more, and ends what waits.</summary>
    public void Close()
    {
        List<SentStep> left;
        lock (gate)
        {
            closed = true;
            left = [.. lines.Values.SelectMany(line => line.Waiting).Select(entry => entry.Step)];
            foreach (var line in lines.Values)
            {
                line.Waiting.Clear();
            }

            waiting = 0;
        }

        left.ForEach(step => step.End(StepStatus.Stopped));
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Line LineOf(string job)
    {
        if (!lines.TryGetValue(job, out var line))
        {
            lines.Add(job, line = new Line());
        }

        return line;
    }

    private void Tidy(string job, Line line)
    {
        if (line.AtWork == 0 && line.Waiting.Count == 0)
        {
            lines.Remove(job);
        }
    }

    /// <summary>What one job has here.</summary>
    private sealed class Line
    {
        public List<(SentStep Step, long Arrival)> Waiting { get; } = [];

        public int AtWork { get; set; }

        public int Priority { get; set; }

        public int Weight { get; set; } = 1;

        /// <summary>Which comes next; -1 for none.</summary>
        public int Next(TakenFor purpose)
        {
            var next = -1;
            for (var i = 0; i < Waiting.Count; i++)
            {
                var step = Waiting[i].Step;
                if (step.Function is null && purpose != TakenFor.Reserve)
                {
                    return i;
                }

                if (step.Function is not null && (next < 0 || step.Cost > Waiting[next].Step.Cost))
                {
                    next = i;
                }
            }

            return next;
        }
    }
}
