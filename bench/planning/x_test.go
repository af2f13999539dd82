package planning
import ("testing";"fmt";"os";"time")
func TestX(t *testing.T){
 dir:="/work/shared/data/citylearn2022"
 if _,e:=os.Stat(dir);e!=nil{t.Skip("no")}
 y,err:=Read(dir); if err!=nil{t.Fatal(err)}
 n:=len(y.Price)
 flat:=func(p float64)[]float64{x:=make([]float64,n);for i:=range x{x[i]=p};return x}
 dyn:=make([]float64,n); for i:=range dyn{dyn[i]=60000+y.Carbon[i]*1200000}
 for _,tf:=range []Tariff{{"tou0",y.Price,flat(0)},{"tou8",y.Price,flat(80000)},{"flat",flat(300000),flat(80000)},{"dyn",dyn,flat(80000)}}{
  for _,win:=range [][2]int{{n-91*24,n},{150*24,157*24},{320*24,327*24}}{
   if win[1]==0 {continue}
   var w,r,p,f float64
   worst:=0.
   b:=time.Now()
   for i:=range y.Homes{ o:=Single(&y,&y.Homes[i],tf,win[0],win[1],0); w+=o.Without;r+=o.Rule;p+=o.Plan;f+=o.Foresight
     if d:=(o.Plan-o.Rule)-max(.005*o.Gross,50000/7.*float64(win[1]-win[0])/24);d>worst||i==0{worst=d}
     if o.Foresight>o.Plan { fmt.Println("!!",o)}
   }
   fmt.Printf("%s %v without %.2f rule %.2f plan %.2f foresight %.2f: rule %.2f%% plan %.2f%% worst over bar %.0f, %v\n",tf.Name,win[0]/24,w/1e6,r/1e6,p/1e6,f/1e6,(w-r)/(w-f)*100,(w-p)/(w-f)*100,worst,time.Since(b)/2184/time.Duration(len(y.Homes)))
  }
 }
}
