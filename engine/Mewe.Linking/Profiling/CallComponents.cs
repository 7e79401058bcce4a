namespace Mewe.Linking.Profiling;

/// <summary>The strongly connected components of a call graph: functions that can call each other (R. Tarjan, Depth-first search and linear graph algorithms, 1972).</summary>
public static class CallComponents
{
    /// <summary>Every component comes after all components that call into it. Without recursion, for chains of calls can be long.</summary>
    /// <param name="count">Functions are 0 to <paramref name="count"/> - 1.</param>
    public static List<List<int>> InCallerOrder(int count, Func<int, IEnumerable<int>> callees)
    {
        var number = new int[count];
        var low = new int[count];
        var onStack = new bool[count];
        var stack = new Stack<int>();
        var components = new List<List<int>>();
        var next = 0;
        for (var root = 0; root < count; root++)
        {
            if (number[root] == 0)
            {
                Search(root);
            }
        }

        // Tarjan's algorithm finishes a component after all that it calls.
        components.Reverse();
        return components;

        void Search(int root)
        {
            var path = new Stack<(int Function, IEnumerator<int> Callees)>();
            Enter(root);
            while (path.TryPeek(out var top))
            {
                if (top.Callees.MoveNext())
                {
                    var callee = top.Callees.Current;
                    if (number[callee] == 0)
                    {
                        Enter(callee);
                    }
                    else if (onStack[callee])
                    {
                        low[top.Function] = Math.Min(low[top.Function], number[callee]);
                    }

                    continue;
                }

                path.Pop();
                top.Callees.Dispose();
                if (path.TryPeek(out var caller))
                {
                    low[caller.Function] = Math.Min(low[caller.Function], low[top.Function]);
                }

                if (low[top.Function] == number[top.Function])
                {
                    components.Add(Finish(top.Function));
                }
            }

            void Enter(int function)
            {
                number[function] = low[function] = ++next;
                stack.Push(function);
                onStack[function] = true;
                path.Push((function, callees(function).GetEnumerator()));
            }
        }

        List<int> Finish(int root)
        {
            var component = new List<int>();
            int member;
            do
            {
                member = stack.Pop();
                onStack[member] = false;
                component.Add(member);
            }
            while (member != root);
            return component;
        }
    }
}
