using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Mewe.Wasm.Names;

/// <summary>Names by index, in ascending order (specification, appendix on the name section).</summary>
public sealed class NameMap : IReadOnlyCollection<KeyValuePair<uint, string>>
{
    private readonly SortedDictionary<uint, string> names = [];

    public int Count => names.Count;

    internal bool Touched { get; set; }

    /// <summary>The name of an index; null where it has none. Setting null removes it.</summary>
    public string? this[uint index]
    {
        get => names.GetValueOrDefault(index);
        set
        {
            Touched = true;
            if (value is null)
            {
                names.Remove(index);
            }
            else
            {
                names[index] = value;
            }
        }
    }

    public bool TryGet(uint index, [NotNullWhen(true)] out string? name) => names.TryGetValue(index, out name);

    public IEnumerator<KeyValuePair<uint, string>> GetEnumerator() => names.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Names of things inside of other things: locals and labels of functions, fields of types.</summary>
public sealed class IndirectNameMap : IReadOnlyCollection<KeyValuePair<uint, NameMap>>
{
    private readonly SortedDictionary<uint, NameMap> maps = [];
    private bool touched;

    public int Count => maps.Count;

    internal bool Touched
    {
        get => touched || maps.Values.Any(map => map.Touched);
        set
        {
            touched = value;
            foreach (var map in maps.Values)
            {
                map.Touched = value;
            }
        }
    }

    /// <summary>The names inside of the thing with this index; made where there are none. A map without names is not written.</summary>
    public NameMap this[uint index]
    {
        get
        {
            if (!maps.TryGetValue(index, out var map))
            {
                maps.Add(index, map = new NameMap());
            }

            return map;
        }
    }

    public bool TryGet(uint index, [NotNullWhen(true)] out NameMap? map) => maps.TryGetValue(index, out map);

    public void Remove(uint index) => touched |= maps.Remove(index);

    public IEnumerator<KeyValuePair<uint, NameMap>> GetEnumerator() => maps.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
