namespace Mewe.Wasm.Validation;

/// <summary>Writes down what <see cref="BodyChecker"/> takes from the stack and puts on it.</summary>
internal sealed class TypingRecorder
{
    private readonly int[] heights;
    private readonly int[] depths;
    private readonly bool[] reachable;
    private readonly int[] starts;
    private readonly int[] operandCounts;
    private readonly int[] matching;
    private readonly int[] elses;
    private readonly List<ValueType> types;
    private readonly List<ValueType> pushed = [];

    // Parts of blocks (else, catch) whose end is not known yet: the next one of the same block, by index.
    private readonly List<(int Opener, int Part)> openParts = [];
    private int current = -1;

    public TypingRecorder(int count)
    {
        heights = new int[count];
        depths = new int[count];
        reachable = new bool[count];
        starts = new int[count + 1];
        operandCounts = new int[count];
        matching = new int[count];
        elses = new int[count];
        Array.Fill(matching, -1);
        Array.Fill(elses, -1);
        types = new List<ValueType>(count * 2);
    }

    public void Begin(int height, bool isReachable, int depth)
    {
        current++;
        heights[current] = height;
        reachable[current] = isReachable;
        depths[current] = depth;
        starts[current] = types.Count;
        pushed.Clear();
    }

    public void Popped(ValueType type) => types.Add(type);

    public void Pushed(ValueType type) => pushed.Add(type);

    public void Complete()
    {
        var count = types.Count - starts[current];
        operandCounts[current] = count;
        types.Reverse(starts[current], count);
        types.AddRange(pushed);
        starts[current + 1] = types.Count;
    }

    public void Reopened(int opener, int part, bool isElse)
    {
        if (isElse)
        {
            elses[opener] = part;
        }

        openParts.Add((opener, part));
    }

    public void Closed(int opener, int end)
    {
        if (opener < 0)
        {
            return;
        }

        matching[opener] = end;
        matching[end] = opener;
        while (openParts.Count > 0 && openParts[^1].Opener == opener)
        {
            matching[openParts[^1].Part] = end;
            openParts.RemoveAt(openParts.Count - 1);
        }
    }

    public FunctionTyping ToTyping() => new(heights, depths, reachable, starts, operandCounts, [.. types], matching, elses);
}
