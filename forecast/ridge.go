package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// ridge is a ridge regression on standardised features. Its penalty is the one of penalties() that
// errs least when each row is left out in turn, which needs no refitting: with the eigenvectors V
// of XᵀX and U = XV, the error without row i is
//
//	(yᵢ − ŷᵢ) / (1 − hᵢ),  hᵢ = 1/n + Σ Uᵢⱼ² / (Dⱼ + λ)
//
// (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 7.10).
type ridge struct {
	rows   int // it was fitted to, 0: it is not fitted
	lambda float64
	chosen int // rows when lambda was chosen
	center []float64
	weight []float64 // a standardised feature's weight over its standard deviation
	mean   float64

	ref     []float64 // of the first row, so that sums of squares lose nothing
	sum     []float64 // of rows − ref
	squares []float64 // (size+1)², of rows − ref with the target last; lower half
	kept    []float64 // the rows with the target last
}

func penalties() []float64 { return []float64{.1, .3, 1, 3, 10, 30, 100, 300} }

// again is by how much the rows must have grown until the penalty is chosen anew.
const again = 1.5

// add takes a row and its target in.
func (r *ridge) add(x []float64, y float64) {
	n := len(x) + 1
	if r.ref == nil {
		r.ref = append(append(make([]float64, 0, n), x...), y)
		r.sum = make([]float64, n)
		r.squares = make([]float64, n*n)
	}
	at := len(r.kept)
	r.kept = append(append(r.kept, x...), y)
	row := make([]float64, n)
	for i, v := range r.kept[at:] {
		row[i] = v - r.ref[i]
		r.sum[i] += row[i]
	}
	for i, v := range row {
		if v == 0 {
			continue
		}
		to := r.squares[i*n : i*n+i+1]
		for j := range to {
			to[j] += v * row[j]
		}
	}
}

// count returns how many rows were added.
func (r *ridge) count() int {
	if r.ref == nil {
		return 0
	}
	return len(r.kept) / len(r.ref)
}

// fit fits to the rows that were added.
func (r *ridge) fit() {
	n := r.count()
	if n < 2 {
		return
	}
	p := len(r.ref) - 1
	width := p + 1
	mean := make([]float64, width)
	scale := make([]float64, width)
	for i := range mean {
		mean[i] = r.sum[i] / float64(n)
		variance := r.squares[i*width+i]/float64(n) - mean[i]*mean[i]
		if variance > 1e-12*(1+mean[i]*mean[i]) {
			scale[i] = math.Sqrt(variance)
		}
	}
	gram := mat.NewSymDense(p, nil)
	right := mat.NewVecDense(p, nil)
	for i := range p {
		if scale[i] == 0 {
			gram.SetSym(i, i, 1)
			continue
		}
		for j := range i + 1 {
			if scale[j] != 0 {
				gram.SetSym(i, j, (r.squares[i*width+j]-float64(n)*mean[i]*mean[j])/(scale[i]*scale[j]))
			}
		}
		right.SetVec(i, (r.squares[p*width+i]-float64(n)*mean[i]*mean[p])/scale[i])
	}
	if r.lambda == 0 || float64(n) >= again*float64(r.chosen) {
		r.choose(gram, right, mean, scale)
	}
	for i := range p {
		gram.SetSym(i, i, gram.At(i, i)+r.lambda)
	}
	chol, ok := lapack64.Potrf(gram.RawSymmetric()) // in place: mat.Cholesky estimates a condition too
	if !ok {
		return
	}
	beta := slices.Clone(right.RawVector().Data)
	lapack64.Potrs(chol, blas64.General{Rows: p, Cols: 1, Stride: 1, Data: beta})
	r.center, r.weight = make([]float64, p), make([]float64, p)
	for i := range p {
		r.center[i] = r.ref[i] + mean[i]
		if scale[i] != 0 {
			r.weight[i] = beta[i] / scale[i]
		}
	}
	r.mean, r.rows = r.ref[p]+mean[p], n
}

// choose sets the penalty.
func (r *ridge) choose(gram *mat.SymDense, right *mat.VecDense, mean, scale []float64) {
	n, p := r.count(), len(r.ref)-1
	r.chosen = n
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		r.lambda = math.Max(r.lambda, penalties()[len(penalties())/2])
		return
	}
	var v, u mat.Dense
	eigen.VectorsTo(&v)
	values := eigen.Values(nil)
	x := mat.NewDense(n, p, nil)
	y := make([]float64, n)
	for k := range n {
		row := r.kept[k*(p+1):]
		for i := range p {
			if scale[i] != 0 {
				x.Set(k, i, (row[i]-r.ref[i]-mean[i])/scale[i])
			}
		}
		y[k] = row[p] - r.ref[p] - mean[p]
	}
	u.Mul(x, &v)
	var turned mat.VecDense
	turned.MulVec(v.T(), right)
	best := math.Inf(1)
	for _, lambda := range penalties() {
		sum := 0.0
		for k := range n {
			row := u.RawRowView(k)
			fitted, h := 0.0, 1/float64(n)
			for j, z := range row {
				d := math.Max(values[j], 0) + lambda
				fitted += z * turned.AtVec(j) / d
				h += z * z / d
			}
			e := (y[k] - fitted) / math.Max(1-h, 1e-3)
			sum += e * e
		}
		if sum < best {
			best, r.lambda = sum, lambda
		}
	}
}

// predict returns what the fit says of a row; features that are not known count as their mean.
func (r *ridge) predict(x []float64) float64 {
	y := r.mean
	for i, w := range r.weight {
		if known(x[i]) {
			y += w * (x[i] - r.center[i])
		}
	}
	return y
}
